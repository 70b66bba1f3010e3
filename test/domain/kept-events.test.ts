/** What is kept of the log in memory is bounded by events and by characters, and has no gaps. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { KeptEvents } from "../../src/domain/kept-events.ts";

type Personal = Readonly<Record<string, string>>;
interface Placed {
  readonly position: number;
  readonly event: { readonly personal: Personal };
}

function recorded(position: number, personal: Personal = {}): Placed {
  return { position, event: { personal } };
}

/** Keeps the events 1 to `count`, some at a time. Returns the positions of those that are left. */
function keep(kept: KeptEvents<Placed>, count: number, personal?: Personal) {
  for (let first = 1; first <= count; first += 16) {
    kept.add(Array.from({ length: 16 }, (_, index) => recorded(first + index, personal)));
  }
  const oldest = Array.from({ length: count + 1 }, (_, position) => position).find((position) =>
    kept.after(position, 1),
  );
  return (kept.after(oldest ?? count, count) ?? []).map(({ position }) => position);
}

describe("kept events", () => {
  it("are at most 2,048, the newest without gaps", () => {
    const positions = keep(new KeptEvents(1_024), 4_800);
    assert.ok(positions.length >= 1_024 && positions.length <= 2_048, `${positions.length} are kept`);
    const from = 4_801 - positions.length;
    assert.deepEqual(
      positions,
      positions.map((_, index) => from + index),
    );
  });

  it("are at most 8 Mi characters, whatever their persons have", () => {
    const long = "x".repeat(64 * 1024);
    const positions = keep(new KeptEvents(1_024), 800, { "profile.displayName": long });
    assert.ok(positions.length >= 60 && positions.length <= 128, `${positions.length} are kept`);
    assert.equal(positions.at(-1), 800);
  });

  it("are none when one is larger than all that may be kept", () => {
    const kept = new KeptEvents<Placed>(1_024);
    kept.add([recorded(1)]);
    kept.add([recorded(2, { note: "x".repeat(9 * 1024 * 1024) })]);
    assert.equal(kept.after(1, 1), undefined);
    kept.add([recorded(3)]);
    assert.deepEqual([kept.after(1, 1), kept.after(2, 1)?.[0]?.position], [undefined, 3]);
    kept.clear();
    assert.equal(kept.after(2, 1), undefined);
  });

  it("go as soon as those that nobody needs are more than half, and what is left has no gaps", () => {
    const kept = new KeptEvents<Placed>(1_024);
    kept.release(7);
    kept.add([recorded(1, { note: "x".repeat(3 * 1024 * 1024) }), recorded(2), recorded(3), recorded(4)]);
    kept.release(2);
    assert.equal(kept.after(0, 9)?.length, 4);
    kept.release(3);
    assert.deepEqual([kept.after(2, 9), kept.after(3, 9)?.map(({ position }) => position)], [undefined, [4]]);
    kept.add([recorded(5, { note: "x".repeat(5 * 1024 * 1024 + 1) })]);
    assert.equal(kept.after(3, 9)?.length, 2, "what is gone does not count");
    kept.release(5);
    kept.add([recorded(6)]);
    assert.deepEqual([kept.after(4, 9), kept.after(5, 9)?.length], [undefined, 1]);
  });
});
