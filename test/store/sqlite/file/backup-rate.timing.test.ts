/** A backup keeps its rate limit. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { createUser } from "../../support/commands.ts";
import { openFixture } from "../../support/sqlite-fixture.ts";

const MIB = 1024 * 1024;

test("a backup keeps its rate", async (t) => {
  const { store } = await openFixture(t, { limits: { backupBytesPerSecond: 4 * MIB } });
  const note = "n".repeat(4_000);
  await Promise.all(Array.from({ length: 500 }, (_, index) => store.execute(createUser(`u${index}`, { note }))));
  const begin = performance.now();
  let length = 0;
  for await (const chunk of (await store.createBackup()).chunks()) length += chunk.byteLength;
  const rate = length / ((performance.now() - begin) / 1000);
  assert.ok(length > MIB, `${length} bytes`);
  assert.ok(rate < 5.5 * MIB, `${rate} bytes per second`);
});
