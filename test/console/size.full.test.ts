/** The size of the console as it travels: what the first page needs, and all of it. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { buildConsole, isConsoleStale } from "../../scripts/build-console.ts";

const DIST = join(import.meta.dirname, "../../console/dist");
const FIRST_BYTES_MAX = 130_000;
const ALL_BYTES_MAX = 200_000;

test("the first page and all pages are small", async (t) => {
  if (isConsoleStale()) await buildConsole();
  const page = readFileSync(join(DIST, "index.html"), "utf8");
  const sizeOf = (name: string): number => statSync(join(DIST, `${name}.br`)).size;
  const named = [...page.matchAll(/\/console\/(assets\/[^"]+)"/g)].map(([, name = ""]) => name);
  const made = readdirSync(join(DIST, "assets")).filter((name) => !/\.(?:br|gz)$/.test(name));
  const sum = (names: readonly string[]): number => names.map(sizeOf).reduce((a, b) => a + b, sizeOf("index.html"));
  const first = sum(named);
  const all = sum(made.map((name) => `assets/${name}`));
  t.diagnostic(`first page ${first} bytes, all ${all} bytes in ${made.length} files`);
  assert.ok(named.length >= 3 && first <= FIRST_BYTES_MAX, `${first} bytes; at most ${FIRST_BYTES_MAX}`);
  assert.ok(all >= first && all <= ALL_BYTES_MAX, `${all} bytes; at most ${ALL_BYTES_MAX}`);
});
