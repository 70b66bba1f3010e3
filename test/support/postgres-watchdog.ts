/** Nothing of a test server outlives the process of the tests, not even if that is killed. */
import { spawn } from "node:child_process";
import type { Writable } from "node:stream";

/**
 * Ends the server and removes its folder when the process of the tests is gone, however that came: then the pipe ends.
 * Each line is the server's process id, or empty while none runs.
 */
const WATCHDOG = `pid=; while read -r line; do pid=$line; done
[ -z "$pid" ] || kill -QUIT "$pid"; n=0
while [ -n "$pid" ] && [ -e "$0/data/postmaster.pid" ] && [ $n -lt 100 ]; do n=$((n+1)); sleep 0.1; done; rm -rf "$0"`;

/** Starts the watchdog of a folder; returns its pipe, which does not keep the tests running. */
export function watch(folder: string): Writable {
  const watchdog = spawn("/bin/sh", ["-c", WATCHDOG, folder], { stdio: ["pipe", "ignore", "ignore"], detached: true });
  watchdog.unref();
  watchdog.stdin.on("error", () => undefined);
  (watchdog.stdin as unknown as { unref(): void }).unref();
  return watchdog.stdin;
}
