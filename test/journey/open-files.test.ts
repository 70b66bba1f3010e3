/** A process that may open few files holds fewer connections, so that strangers give way before it runs out of them. */

import assert from "node:assert/strict";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { connectionsWithin } from "../../src/server/open-files.ts";
import { ADMIN_KEY, clientsOf, spawnService, temporaryFolder } from "../support/service.ts";
import { until } from "../support/until.ts";

const LIMIT = 300;
const skip = existsSync("/proc/self/limits") ? false : "what a process may open is known on Linux alone";

test("the places for connections are what is left of the files", () => {
  const places: readonly (readonly [files: number | undefined, connections: number])[] = [
    [undefined, 10_000],
    [1_048_576, 10_000],
    [10_128, 10_000],
    [10_127, 9_999],
    [1_024, 896],
    [256, 128],
    [100, 50],
    [1, 1],
  ];
  for (const [files, connections] of places) assert.equal(connectionsWithin(files), connections, `${files}`);
});

test("under a small limit of open files strangers shut out nobody, and the log tells of it", { skip }, async (t) => {
  const child = await spawnService(t, {
    path: join(await temporaryFolder(t), "lockkeeper.db"),
    command: ["sh", "-c", `ulimit -n ${LIMIT}; exec "$0" "$@"`],
  });
  await until(() => /fewer connections than usual/.test(child.stderr()), "the warning");
  assert.match(child.stderr(), new RegExp(`may open ${LIMIT} files.*connectionsMax.{1,3}${LIMIT - 128}\\b`));
  const { hostname, port } = new URL(child.url);
  for (let i = 0; i < 2 * LIMIT; i++) {
    const socket = connect(Number(port), hostname);
    socket.on("error", () => undefined);
    t.after(() => socket.destroy());
    await once(socket, "connect");
  }
  const { users } = clientsOf(child.url, ADMIN_KEY);
  await users.createUser({ userId: "alice" });
  assert.equal((await users.getUser({ userId: "alice" })).user?.userId, "alice");
});
