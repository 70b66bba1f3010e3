/** Long steps of many calls share the event loop: other work runs between any two of them. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { atTurnEnd, takeTurn } from "../../../src/transport/exchange/turns.ts";

/** Longer than all steps together may take in one turn. */
const LONG_MS = 3;

/** Blocks the thread. */
function work(): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, LONG_MS);
}

test("no two long steps run in one turn, and they run in the order of their requests", async () => {
  let turns = 0;
  let counting: boolean = true;
  const count = (): void => {
    turns++;
    if (counting) setImmediate(count);
  };
  setImmediate(count);
  const at: (readonly [call: number, turn: number])[] = [];
  await Promise.all(
    [0, 1, 2].map(async (call) => {
      for (let step = 0; step < 3; step++) {
        await takeTurn();
        at.push([call, turns]);
        work();
      }
    }),
  );
  counting = false;
  assert.deepEqual(
    at.map(([call]) => call),
    [0, 1, 2, 0, 1, 2, 0, 1, 2],
  );
  assert.equal(new Set(at.map(([, turn]) => turn)).size, at.length);
});

test("short steps do not wait", async () => {
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(takeTurn(), undefined);
});

test("a turn ends with its last steps, in their order, after all other work of it", async () => {
  const ran: string[] = [];
  const last = (name: string) => (): void => void ran.push(name);
  await new Promise<void>((resolve) => {
    setTimeout(() => {
      atTurnEnd(last("first"));
      atTurnEnd(() => {
        last("second")();
        setImmediate(last("turn over"));
        atTurnEnd(() => {
          last("next turn")();
          resolve();
        });
      });
      last("work")();
      void Promise.resolve().then(last("microtask"));
      atTurnEnd(last("third"));
    });
  });
  assert.deepEqual(ran, ["work", "microtask", "first", "second", "third", "turn over", "next turn"]);
});
