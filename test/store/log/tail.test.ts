/** The tail of the log: in commit order, without gaps, and before the answers. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Tail } from "../../../src/store/log/tail.ts";
import type { RecordedEvent } from "../../../src/store/queries.ts";
import type { Follower } from "../../../src/store/store.ts";
import { context, createApiKey, createOrganization, createUser, lockUser, revokeApiKey } from "../support/commands.ts";
import { resourceOf } from "../support/outcomes.ts";
import { openFixture, type SqliteFixture } from "../support/sqlite-fixture.ts";

class Noted implements Follower {
  readonly types: string[] = [];
  reloads = 0;
  apply(events: readonly RecordedEvent[]): void {
    this.types.push(...events.map(({ event }) => event.type));
  }
  reload(): void {
    this.reloads++;
  }
}

/** Reads from a position until so many events came. */
async function readOf({ store }: SqliteFixture, after: number, count: number): Promise<readonly RecordedEvent[]> {
  const events: RecordedEvent[] = [];
  if (count === 0) return events;
  const stop = new AbortController();
  for await (const some of store.tail.read(after, stop.signal)) {
    // A buffer that crossed from another thread is a plain array of bytes.
    events.push(...some.map((event) => ({ ...event, hash: new Uint8Array(event.hash) })));
    if (events.length >= count) break;
  }
  return events;
}

describe("followers", () => {
  it("know of a change of the configuration before the command is answered, and of nothing else", async (t) => {
    const { store } = await openFixture(t);
    const noted = new Noted();
    const unfollow = store.follow(noted);
    await store.execute(createUser("u"));
    await store.execute(lockUser("u"));
    assert.deepEqual(noted.types, []);
    const known: number[] = [];
    const commands = [createApiKey("k", { role: "viewer" }), revokeApiKey("k"), createOrganization("acme")];
    await Promise.all(commands.map((command) => store.execute(command).then(() => known.push(noted.types.length))));
    assert.deepEqual(noted.types, ["ApiKeyCreated", "ApiKeyRevoked", "OrganizationCreated"]);
    assert.deepEqual(known, [3, 3, 3], "the whole batch comes before the first answer");
    unfollow();
    await store.execute(createOrganization("other"));
    assert.equal(noted.types.length, 3);
  });

  it("do not fail the commit by a fault of their own", async (t) => {
    const { store, troubles } = await openFixture(t);
    const noted = new Noted();
    const fault = new Error("a fault of the follower");
    store.follow({
      apply() {
        throw fault;
      },
      reload() {},
    });
    store.follow(noted);
    resourceOf(await store.execute(createOrganization("acme")));
    assert.deepEqual(noted.types, ["OrganizationCreated"]);
    assert.deepEqual(troubles, [fault]);
  });

  it("hear nothing of a command that failed or was not meant", async (t) => {
    const { store, connect } = await openFixture(t);
    const noted = new Noted();
    store.follow(noted);
    await store.execute(createOrganization("tried", { context: context({ validateOnly: true }) }));
    connect().exec(`CREATE TRIGGER no BEFORE INSERT ON organizations BEGIN SELECT RAISE(ABORT, 'no'); END`);
    assert.equal((await store.execute(createOrganization("acme"))).ok, false);
    assert.deepEqual([noted.types, noted.reloads], [[], 0]);
  });

  it("read again what they know when the fate of a commit is unknown", async (t) => {
    const { store } = await openFixture(t);
    const noted = new Noted();
    store.follow(noted);
    store.tail.lose();
    assert.equal(noted.reloads, 1);
  });
});

describe("the cache of policies and organizations", () => {
  const update = (policyId: string, attempts: number) =>
    ({
      type: "UpdatePolicy",
      policyId,
      values: { attemptsMax: { PASSWORD: attempts } },
      cleared: [],
      context: context(),
    }) as const;

  it("has a change as soon as it is answered, at both levels", async (t) => {
    const { store } = await openFixture(t);
    resourceOf(await store.execute(createUser("u")));
    const limit = async (): Promise<number | undefined> =>
      (await store.readSignIn({ userId: "u", factor: "PASSWORD" }))?.policy.attemptsMax.PASSWORD;
    assert.equal(await limit(), 10);
    for (const [policyId, attempts] of [
      ["", 3],
      ["default", 5],
      ["", 4],
      ["default", 6],
    ] as const) {
      await store.execute(update(policyId, attempts));
      assert.equal((await store.readPolicy(policyId))?.values.attemptsMax?.PASSWORD, attempts);
    }
    assert.equal(await limit(), 6);
    await store.execute({ type: "ResetPolicy", policyId: "default", context: context() });
    assert.equal(await limit(), 4);
    assert.equal(await store.readOrganization("acme"), undefined);
    await store.execute(createOrganization("acme"));
    assert.equal((await store.readOrganization("acme"))?.sequence, 1);
    const renamed = { type: "UpdateOrganization", organizationId: "acme", displayName: "Acme", context: context() };
    await store.execute(renamed as Parameters<typeof store.execute>[0]);
    assert.equal((await store.readOrganization("acme"))?.displayName, "Acme");
  });

  it("is read again when the fate of a commit is unknown", async (t) => {
    const { store, connect } = await openFixture(t);
    const name = async (): Promise<string | undefined> => (await store.readOrganization("default"))?.displayName;
    const before = await name();
    connect().exec("UPDATE organizations SET display_name = 'as it is on disk'");
    assert.equal(await name(), before, "nothing else writes: what is known is kept");
    store.tail.lose();
    assert.equal(await name(), "as it is on disk");
  });
});

describe("readers of the log", () => {
  it("get every event from their position on, in order, from the log and then as they are committed", async (t) => {
    const fixture = await openFixture(t);
    const { store } = fixture;
    for (let i = 0; i < 5; i++) await store.execute(createUser(`before-${i}`, { profile: { username: `u${i}` } }));
    const all = readOf(fixture, 0, 606);
    const late = readOf(fixture, 4, 602);
    // More than fits in memory for a reader that is behind, or in one piece.
    for (let round = 0; round < 6; round++) {
      await Promise.all(Array.from({ length: 100 }, (_, i) => store.execute(createUser(`${round}-${i}`))));
    }
    const events = await all;
    assert.deepEqual(
      events.map(({ position }) => position),
      Array.from({ length: 606 }, (_, i) => i + 1),
    );
    assert.deepEqual(await late, events.slice(4));
    // As they were committed they are as the log has them.
    assert.deepEqual(await readOf(fixture, 0, 606), events);
    assert.deepEqual([...new Set(events.map(({ event }) => event.type))], ["OrganizationCreated", "UserCreated"]);
  });

  it("do not delay the writer when they are slow, and find in the log what is no longer in memory", async (t) => {
    const { store } = await openFixture(t);
    const stop = new AbortController();
    const reader = store.tail.read(1, stop.signal);
    await store.execute(createUser("first"));
    const [first] = (await reader.next()).value ?? [];
    assert.equal(first?.userId, "first");
    for (let round = 0; round < 25; round++) {
      await Promise.all(Array.from({ length: 100 }, (_, i) => store.execute(createUser(`${round}-${i}`))));
    }
    let position = first?.position ?? 0;
    while (position < 2_502) {
      for (const event of (await reader.next()).value ?? []) {
        assert.equal(event.position, position + 1);
        position = event.position;
      }
    }
    const next = reader.next();
    stop.abort(new Error("stopped"));
    await assert.rejects(next, /stopped|abort/);
  });

  it("find by themselves what a commit of unknown fate has left", async (t) => {
    const fixture = await openFixture(t);
    const { store } = fixture;
    const read = readOf(fixture, 1, 2);
    store.tail.lose();
    await store.execute(createUser("a"));
    store.tail.lose();
    await store.execute(createUser("b"));
    assert.deepEqual(
      (await read).map(({ userId }) => userId),
      ["a", "b"],
    );
  });

  it("see an event that was committed while they read the log", async (t) => {
    const { store } = await openFixture(t);
    await store.execute(createUser("u"));
    const events = await readOf({ store } as SqliteFixture, 0, 1);
    const appended = Promise.withResolvers<void>();
    let reads = 0;
    const tail = new Tail({
      position: 0,
      onTrouble: assert.ifError,
      readLog: async () => {
        reads++;
        // The first one reads before the commit and answers after it.
        if (reads > 1) return events;
        await appended.promise;
        return [];
      },
    });
    tail.lose();
    const reading = tail.read(0, AbortSignal.timeout(5_000)).next();
    tail.append(events);
    appended.resolve();
    assert.deepEqual((await reading).value, events);
  });

  it("get nothing that is erased while they read the log", async (t) => {
    const { store } = await openFixture(t);
    await store.execute(createUser("u"));
    const [some] = await readOf({ store } as SqliteFixture, 1, 1);
    assert.ok(some);
    const at = (position: number, userId: string, note?: string): RecordedEvent =>
      ({
        ...some,
        position,
        userId,
        event: { ...some.event, personal: note === undefined ? {} : { note } },
      }) as RecordedEvent;
    const erasingOf = (position: number, userId: string): RecordedEvent =>
      ({
        ...at(position, userId),
        event: { ...some.event, type: "UserDeleted", data: { erased: true } },
      }) as RecordedEvent;
    for (const [erased, how, readings] of [
      ["u", "append", 2],
      ["u", "advance", 2],
      ["u", "forgetErased", 2],
      ["another", "append", 1],
    ] as const) {
      const log = [at(1, "u", "secret")];
      const answer = Promise.withResolvers<void>();
      let reads = 0;
      const readLog = async (after: number) => {
        reads++;
        const events = log.slice(after);
        await answer.promise;
        return events;
      };
      const tail = new Tail({ position: 1, onTrouble: assert.ifError, readLog });
      const reading = tail.read(0, AbortSignal.timeout(5_000)).next();
      const erasing = erasingOf(2, erased);
      if (erased === "u") log[0] = at(1, "u");
      log.push(erasing);
      if (how === "advance") tail.advance(2, [erasing]);
      else tail[how]([erasing]);
      answer.resolve();
      const { value } = await reading;
      assert.deepEqual([value, reads], [erased === "u" ? log : [at(1, "u", "secret")], readings]);
    }
  });

  it("get less at once of events that are large, and nothing of what they hold after an erasure", async (t) => {
    const { store } = await openFixture(t);
    await store.execute(createUser("u"));
    const [some] = await readOf({ store } as SqliteFixture, 1, 1);
    assert.ok(some);
    const at = (position: number, text: string): RecordedEvent =>
      ({ ...some, position, event: { ...some.event, personal: { note: text } } }) as RecordedEvent;
    const log = [1, 2, 3, 4, 5].map((position) => at(position, "x".repeat(100_000)));
    const reads: number[] = [];
    const readLog = async (after: number, limit: number) => {
      reads.push(after);
      return log.slice(after, after + limit);
    };
    const tail = new Tail({ position: 5, onTrouble: assert.ifError, readLog });
    const reader = tail.read(0, AbortSignal.timeout(5_000));
    const next = async () => ((await reader.next()).value ?? []).map(({ position }) => position);
    assert.deepEqual(
      [await next(), await next()],
      [
        [1, 2],
        [3, 4],
      ],
    );
    assert.deepEqual(reads, [0]);
    const erasing = { ...at(6, ""), event: { ...some.event, type: "UserDeleted", data: { erased: true } } };
    log.push(erasing as RecordedEvent);
    tail.append([erasing as RecordedEvent]);
    assert.deepEqual(await next(), [5, 6]);
    assert.deepEqual(reads, [0, 4]);
  });

  it("find in memory what one of them lacks, and in the log what all had", async (t) => {
    const { store } = await openFixture(t);
    await store.execute(createUser("u"));
    const [some] = await readOf({ store } as SqliteFixture, 0, 1);
    assert.ok(some);
    const log = [1, 2, 3, 4].map((position): RecordedEvent => ({ ...some, position }));
    const reads: number[] = [];
    const readLog = async (after: number, limit: number) => {
      reads.push(after);
      return log.slice(after, after + limit);
    };
    const tail = new Tail({ position: 0, onTrouble: assert.ifError, readLog });
    const readerAt = (after: number) => {
      const reader = tail.read(after, AbortSignal.timeout(5_000));
      return async () => ((await reader.next()).value ?? []).map(({ position }) => position);
    };
    const [quick, slow] = [readerAt(0), readerAt(0)];
    const [first, begun] = [quick(), slow()];
    tail.append(log.slice(0, 1));
    assert.deepEqual([await first, await begun], [[1], [1]]);
    for (const position of [2, 3]) {
      tail.append(log.slice(position - 1, position));
      assert.deepEqual(await quick(), [position]);
    }
    assert.deepEqual([await slow(), reads], [[2, 3], []]);
    tail.append(log.slice(3));
    assert.deepEqual([await quick(), await readerAt(1)(), reads], [[4], [2, 3, 4], [1]]);
  });
});
