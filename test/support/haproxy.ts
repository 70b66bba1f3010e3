/** HAProxy before services, with the configuration of compose.yaml: only addresses are others. */
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { delimiter, join } from "node:path";
import type { TestContext } from "node:test";
import { defer } from "./cleanup.ts";
import { freePort } from "./nginx.ts";
import { findProgram } from "./run-command.ts";
import { temporaryFolder } from "./service.ts";
import { until } from "./until.ts";

const CONFIGURATION = join(import.meta.dirname, "../../deploy/haproxy/haproxy.cfg");

/** Returns where it is; `undefined`: not on this machine. */
export function findHaproxy(): string | undefined {
  return findProgram("haproxy", `${process.env.PATH ?? ""}${delimiter}/usr/sbin`);
}

/** Returns the URL under which it serves. It is up when one of the services is ready. */
export async function startHaproxy(t: TestContext, program: string, ports: readonly number[]): Promise<string> {
  const folder = await temporaryFolder(t);
  const port = await freePort();
  const servers = ports.map((each, index) => `    server replica${index} 127.0.0.1:${each}`).join("\n");
  const configuration = readFileSync(CONFIGURATION, "utf8")
    .replace(/bind :\d+/, `bind 127.0.0.1:${port}`)
    .replace(/^ {4}server-template .*$/m, servers);
  await writeFile(join(folder, "haproxy.cfg"), configuration);
  const child = spawn(program, ["-db", "-f", join(folder, "haproxy.cfg")], { stdio: "ignore" });
  defer(t, () => {
    child.kill("SIGKILL");
  });
  const url = `http://127.0.0.1:${port}`;
  let isUp = false;
  await until(() => {
    fetch(`${url}/readyz`, { headers: { connection: "close" } }).then(
      ({ status }) => (isUp = status === 200),
      () => undefined,
    );
    return isUp;
  }, "HAProxy");
  return url;
}
