/** The page caches: every connection of a service has its share, and all shares fit into the whole. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
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
  const sum = Object.values(PAGE_CACHE_KIB).reduce((total, kib) => total + kib, 0);
  assert.ok(sum <= PAGE_CACHES_KIB_MAX, `${sum} KiB`);
  for (const threads of [2, 16]) {
    const thread = openReader(path, "threads", threads);
    t.after(() => thread.close());
    assert.equal(thread.pragma("cache_size", { simple: true }), -PAGE_CACHE_KIB.threads / threads);
  }
});
