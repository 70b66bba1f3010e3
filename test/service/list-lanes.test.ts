/** Few lists run at a time, callers take turns, and a caller that is gone has no turn. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import type { Actor } from "../../src/auth/actor.ts";
import { RefusalError } from "../../src/domain/refusal.ts";
import { type Lister, ListLanes, type Place } from "../../src/service/list-lanes.ts";

const STAYS = new AbortController().signal;

function actorOf(scope: string | null, id = "key:1"): Actor {
  return { id, permissions: new Set(), scope, expireTime: null };
}

/** Lists that continue on command. */
class Lists {
  readonly lanes = new ListLanes();
  readonly begun: string[] = [];
  readonly #ends = new Map<string, () => void>();

  /** `name`: its first letter is its organization. */
  start(name: string, { signal = STAYS, actor = actorOf(name.charAt(0)) }: Partial<Lister> = {}): Promise<string> {
    return this.lanes.run({ actor, signal }, async () => {
      this.begun.push(name);
      await new Promise<void>((resolve) => this.#ends.set(name, resolve));
      return name;
    });
  }

  async end(name: string): Promise<void> {
    const end = this.#ends.get(name);
    assert.ok(end !== undefined, `${name} has begun`);
    end();
    await nextTurn();
  }
}

function isRefused(error: unknown): boolean {
  return (
    error instanceof RefusalError && error.refusal.reason === "CALLER_RATE" && error.refusal.retryAfterMs !== undefined
  );
}

test("a caller's lists leave a place for another, and callers take turns", async () => {
  const lists = new Lists();
  const all = ["a1", "a2", "a3", "a4", "a5", "b1", "c1", "c2"].map((name) => lists.start(name));
  await nextTurn();
  assert.deepEqual(lists.begun, ["a1", "a2", "b1"]);
  for (const name of ["a1", "b1", "c1", "a2", "c2", "a3", "a4", "a5"]) await lists.end(name);
  assert.deepEqual(lists.begun, ["a1", "a2", "b1", "c1", "a3", "c2", "a4", "a5"]);
  assert.equal((await Promise.all(all)).length, 8);
});

test("credentials of one organization are one caller; each of the instance is one of its own", async () => {
  const lists = new Lists();
  for (const id of ["key:1", "key:2", "key:3"]) void lists.start(`a-${id}`, { actor: actorOf("a", id) });
  void lists.start("x", { actor: actorOf(null, "key:4") });
  assert.deepEqual(lists.begun, ["a-key:1", "a-key:2", "x"]);
});

test("one that fails makes room for the next", async () => {
  const lanes = new ListLanes();
  const lister = { actor: actorOf("a"), signal: STAYS };
  const outcomes = await Promise.allSettled(
    Array.from({ length: 10 }, (_, index) =>
      lanes.run(lister, async () => {
        await nextTurn();
        if (index % 3 === 0) throw new Error("no");
      }),
    ),
  );
  assert.deepEqual(
    outcomes.map(({ status }) => status === "rejected"),
    Array.from({ length: 10 }, (_, index) => index % 3 === 0),
  );
});

test("one whose caller left while it waited is dropped at once, and takes nobody's turn", async () => {
  const lists = new Lists();
  const gone = new AbortController();
  for (const name of ["a1", "a2"]) void lists.start(name);
  const left = Promise.allSettled(
    Array.from({ length: 100 }, (_, index) => lists.start(`a-gone-${index}`, { signal: gone.signal })),
  );
  void lists.start("a3");
  gone.abort(new Error("the caller left"));
  assert.ok((await left).every(({ status }) => status === "rejected"));
  await assert.rejects(lists.start("a-late", { signal: gone.signal }), /the caller left/);
  await lists.end("a1");
  assert.deepEqual(lists.begun, ["a1", "a2", "a3"]);
});

test("beyond what may wait of one caller, and of all, lists are refused; a new caller may still wait", async () => {
  const lists = new Lists();
  const gone = new AbortController();
  const waiting: Promise<unknown>[] = [];
  const fill = (organization: string, count: number): void => {
    const start = (_: unknown, index: number) => lists.start(`${organization}${index}`, { signal: gone.signal });
    waiting.push(Promise.allSettled(Array.from({ length: count }, start)));
  };
  fill("a", 2 + 128);
  await assert.rejects(lists.start("a"), isRefused);
  fill("b", 1 + 128);
  for (const organization of ["c", "d", "e", "f", "g"]) fill(organization, 128);
  fill("h", 1000 - 7 * 128);
  await assert.rejects(lists.start("h"), isRefused);
  fill("i", 1);
  await assert.rejects(lists.start("i"), isRefused);
  assert.deepEqual(lists.begun, ["a0", "a1", "b0"]);
  gone.abort(new Error("the callers left"));
  for (const name of lists.begun) await lists.end(name);
  await Promise.all(waiting);
  void lists.start("z");
  assert.equal(lists.begun.at(-1), "z");
});

test("a long walk lets the lists of others go first, never those of its own caller", async () => {
  const lanes = new ListLanes();
  const order: string[] = [];
  const walk = (name: string, signal = STAYS): Promise<void> =>
    lanes.run({ actor: actorOf(name.charAt(0)), signal }, async (place: Place) => {
      for (let page = 0; page < 3; page++) {
        if (page > 0) await place.pass();
        order.push(`${name}.${page}`);
        await nextTurn();
      }
    });
  await Promise.all(["a1", "a2", "a3"].map((name) => walk(name)));
  assert.deepEqual(order.slice(0, 6), ["a1.0", "a2.0", "a1.1", "a2.1", "a1.2", "a2.2"]);
  order.length = 0;
  await Promise.all(["a1", "a2", "b1", "c1"].map((name) => walk(name)));
  assert.ok(order.indexOf("c1.0") < order.indexOf("a1.2"), order.join());
  assert.equal(order.length, 12);
  // A caller that leaves between two pages has no place to give back: the others still have all of theirs.
  const gone = new AbortController();
  const left = lanes.run({ actor: actorOf("a"), signal: gone.signal }, async (place) => {
    gone.abort(new Error("the caller left"));
    await nextTurn();
    await place.pass();
  });
  const others = ["a1", "b1", "c1", "d1"].map((name) => walk(name));
  await assert.rejects(left, /the caller left/);
  await Promise.all(others);
});
