/** The page caches: every connection of a service has its share, and all shares fit into the whole. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { readConfig } from "../../../../src/config.ts";
import { openReader, openWriter } from "../../../../src/store/sqlite/file/database-file.ts";
import { PAGE_CACHE_KIB } from "../../../../src/store/sqlite/file/page-cache.ts";
import { temporaryFolder } from "../../../support/service.ts";

/** Of all connections together. */
const PAGE_CACHES_KIB_MAX = 64 * 1024;

test("each connection has the page cache of its use, and all of them together fit", async (t) => {
  const path = join(await temporaryFolder(t), "lockkeeper.db");
  const writer = openWriter(path);
  t.after(() => writer.close());
  const reader = openReader(path);
  t.after(() => reader.close());
  assert.equal(writer.pragma("cache_size", { simple: true }), -PAGE_CACHE_KIB.writer);
  assert.equal(reader.pragma("cache_size", { simple: true }), -PAGE_CACHE_KIB.reader);
  const { thread, ...others } = PAGE_CACHE_KIB;
  const { threads } = readConfig(["--threads", "16"], {});
  const sum = Object.values(others).reduce((total, kib) => total + kib, threads * thread);
  assert.ok(sum <= PAGE_CACHES_KIB_MAX, `${sum} KiB`);
  assert.throws(() => readConfig(["--threads", `${threads + 1}`], {}), /17/);
});
