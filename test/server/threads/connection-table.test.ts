import assert from "node:assert/strict";
import { test } from "node:test";
import { ConnectionTable } from "../../../src/server/threads/connection-table.ts";

/** Adds connections that must find a slot. */
function add(table: ConnectionTable<string>, ...owners: readonly string[]): readonly number[] {
  return owners.map((owner) => table.add(owner) ?? assert.fail("no slot is free"));
}

test("below the limit nothing is closed", () => {
  const table = new ConnectionTable<string>(2);
  add(table, "a");
  assert.equal(table.evict(), undefined);
});

test("at the limit the oldest connection without an admitted call is closed, whichever thread has it", () => {
  const table = new ConnectionTable<string>(3);
  const [first, , third] = add(table, "a", "b", "a") as [number, number, number];
  table.times.mark(first);
  assert.equal(table.evict()?.owner, "b");
  assert.equal(table.size, 2);
  add(table, "c");
  assert.equal(table.evict()?.slot, third);
});

test("if all had calls, the one whose last call is longest ago is closed", async () => {
  const table = new ConnectionTable<string>(2);
  const [first, second] = add(table, "a", "b") as [number, number];
  for (const slot of [first, second, first]) {
    table.times.mark(slot);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  assert.equal(table.evict()?.owner, "b");
});

test("a slot is used again only when its connection is closed, and then has no time", () => {
  const table = new ConnectionTable<string>(1);
  const [slot = -1] = add(table, "a");
  table.times.mark(slot);
  assert.equal(table.evict()?.slot, slot);
  assert.notDeepEqual(add(table, "b"), [slot]);
  table.free(slot);
  table.evict();
  assert.deepEqual(add(table, "c"), [slot]);
  assert.equal(table.times.of(slot), 0);
});

test("connections that nobody closes use up the spare slots", () => {
  const table = new ConnectionTable<string>(1);
  let count = 0;
  for (; table.add("a") !== undefined; count++) table.evict();
  assert.ok(count > 1 && count < 2_000, `${count}`);
});
