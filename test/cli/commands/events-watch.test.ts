/** `lockkeeper events watch`: prints what happens, and goes on where it was when the service is back. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { startService, temporaryFolder } from "../../support/service.ts";
import { until } from "../../support/until.ts";
import { cliEnvironment, runOn, TestTerminal } from "../support/cli.ts";

test("events watch prints every event once, over a restart of the service, until it is interrupted", async (t) => {
  const path = join(await temporaryFolder(t), "lockkeeper.db");
  const before = await startService(t, { path });
  await before.users.createUser({ userId: "ann" });
  const terminal = new TestTerminal({ environment: cliEnvironment(before.url) });
  const running = runOn(terminal, ["events", "watch", "--after", "0", "--filter", "user=ann", "--json"]);
  const seen = (): string[] =>
    terminal.written.stdout
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => (JSON.parse(line) as { sequence: string }).sequence);
  await until(() => seen().length === 1, "the first event");
  await before.stop();
  const { hostname: host, port } = new URL(before.url);
  const { users } = await startService(t, { path, config: { listen: { host, port: Number(port) } } });
  await users.lockUser({ userId: "ann" });
  await until(() => seen().length === 2, "the event after the restart");
  terminal.interrupt();
  await running;
  assert.deepEqual(seen(), ["1", "2"]);
  assert.match(terminal.written.stderr, /the service is stopping.*; trying again/);
});

test("events watch ends at once where trying again would not help", async (t) => {
  const { url } = await startService(t);
  const terminal = new TestTerminal({ environment: cliEnvironment(url) });
  const { code, stderr } = await runOn(terminal, ["events", "watch", "--after", "nowhere"]);
  assert.equal(code, 2);
  assert.match(stderr, /cursor/);
});
