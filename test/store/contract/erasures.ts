/** The contract of erasing: nothing personal of a user is read any more, and the history still gives the rows. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { findEvent } from "../../../src/service/operations/events.ts";
import { ReadGivenUpError } from "../../../src/store/errors.ts";
import type { ListedEvent } from "../../../src/store/queries.ts";
import { kept, record } from "../support/attempts.ts";
import * as commands from "../support/commands.ts";
import { reasonOf, resourceOf } from "../support/outcomes.ts";
import type { OpenStore } from "./contract.ts";
import {
  assertReplays,
  createSession,
  EXTEND,
  erase,
  eventsOf,
  PERSON,
  redact,
  SECRET,
  seen,
  tells,
  withPerson,
} from "./erased-person.ts";

const { context, createUser, deleteUser, requestContext } = commands;

function describeErasing(open: OpenStore): void {
  it("leaves nothing that tells of the person, in any read, and keeps id, sequence, epoch and ban", async (t) => {
    const opened = await open(t);
    const store = await withPerson(opened);
    assert.ok(tells(await seen(opened)));
    const before = (await store.readUser("u"))?.state ?? assert.fail();
    const tombstone = resourceOf(await store.execute(erase({ note: "asked by letter" })));
    const { deleted, sequence, epoch, restrictions } = tombstone.state;
    assert.deepEqual([deleted, sequence, epoch], [true, before.sequence + 1, before.epoch + 1]);
    assert.deepEqual(
      restrictions.map(({ kind, note }) => [kind, note]),
      [["BAN", ""]],
    );
    assert.equal(tells(await seen(opened)), false);
    const events = await eventsOf(opened);
    const { data, personal } = events.at(-1)?.event ?? assert.fail();
    assert.deepEqual([data, personal], [{ reasonCode: "", erased: true }, { note: "asked by letter" }]);
    assert.deepEqual(events[0]?.erasedNames, ["attributes.billing", "note", "profile.email", "profile.username"]);
    await assertReplays(opened);
  });

  it("strips the answers that earlier requests are given again, in the same batch and later", async (t) => {
    const opened = await open(t);
    const store = await withPerson(opened);
    const create = createUser("u", { ...PERSON, note: SECRET, context: requestContext("create") });
    const again = () => Promise.all([store.execute(create), store.execute(EXTEND)]);
    assert.ok((await again()).every(tells));
    const [, ...answers] = await Promise.all([store.execute(erase()), store.execute(create), store.execute(EXTEND)]);
    for (const answer of [...answers, ...(await again())]) {
      assert.ok(answer.ok && answer.replayed);
      assert.equal(tells(answer), false);
    }
  });

  it("strips remembered answers that are kept as they were given", async (t) => {
    const opened = await open(t);
    const store = await withPerson(opened);
    for (let count = 0; count < 100; count++) {
      resourceOf(await store.execute(commands.unbanUser("u")));
      resourceOf(await store.execute(commands.banUser("u", { note: SECRET, expiry: { kind: "never" } })));
    }
    const update = commands.updateUser("u", {
      ...{ profile: { phone: SECRET }, fields: ["phone"], context: requestContext("update") },
    });
    resourceOf(await store.execute(update));
    resourceOf(await store.execute(erase()));
    const answer = await store.execute(update);
    assert.ok(answer.ok && answer.replayed && "state" in answer.resource);
    assert.deepEqual([tells(answer), answer.resource.state.restrictions.length], [false, 1]);
  });

  it("hides at once what takes many steps, and goes on where it was", async (t) => {
    const opened = await open(t);
    const store = await withPerson(opened);
    const locks = Array.from({ length: 1_000 }, (_, index) => [
      store.execute(commands.lockUser("u", { note: `${SECRET} ${index}` })),
      store.execute(commands.unlockUser("u", { note: SECRET })),
    ]);
    await Promise.all(locks.flat());
    resourceOf(await store.execute(erase()));
    assert.equal(
      tells((await store.listUserEvents({ userId: "u", order: "oldest_first", pageSize: 100 })).items),
      false,
    );
    await store.sweep();
    const known = (await store.readUser("u"))?.state.sequence ?? 0;
    assert.equal(known, 2_003);
    resourceOf(await store.execute(erase()));
    assert.equal((await store.readUser("u"))?.state.sequence, known);
  });

  it("erases a user that was deleted before, once", async (t) => {
    const opened = await open(t);
    const store = await withPerson(opened);
    resourceOf(await store.execute(deleteUser("u", { note: SECRET })));
    assert.equal(reasonOf(await store.execute(deleteUser("u"))), "USER_NOT_FOUND");
    assert.ok(tells(await seen(opened)));
    const once = erase({ context: requestContext("erase") });
    const first = await store.execute(once);
    assert.deepEqual(await store.execute(once), { ...first, written: 0, replayed: true });
    const second = await store.execute(erase());
    assert.deepEqual([first.ok && first.written, second.ok && second.written], [1, 0]);
    assert.equal(tells(await seen(opened)), false);
    await assertReplays(opened);
  });

  it("tells nothing of the former person to the next one under the id, and leaves the next one alone", async (t) => {
    const opened = await open(t);
    const store = await withPerson(opened);
    const next = { profile: { username: "grace" }, note: "new" };
    const [erased] = await Promise.all([store.execute(erase()), store.execute(createUser("u", next))]);
    resourceOf(erased);
    resourceOf(await store.execute(commands.unbanUser("u")));
    resourceOf(await store.execute({ ...createSession("s3"), userAgent: "hers", ip: "", attributes: {} }));
    resourceOf(await store.execute({ ...record({ userId: "u" }), userAgent: "hers" }));
    await store.sweep();
    assert.equal(tells(await seen(opened)), false);
    const user = await store.readUser("u");
    assert.deepEqual(user?.person, { profile: { username: "grace" }, attributes: {} });
    const sessions = await store.listSessions({ organizationId: null, userId: "u", activeOnly: true, pageSize: 10 });
    assert.deepEqual(
      sessions.items.map(({ session }) => session.id),
      ["s3"],
    );
    assert.deepEqual(
      (await kept(opened)).map(({ userAgent }) => userAgent),
      ["hers"],
    );
    assert.equal((await store.readSignIn({ userId: "u", factor: "PASSWORD" }))?.counter.failures.length, 1);
    const { personal } =
      (await eventsOf(opened)).find(({ event }) => "recreated" in event.data && event.data.recreated)?.event ??
      assert.fail();
    assert.deepEqual(personal, { "profile.username": "grace", note: "new" });
    await assertReplays(opened);
  });

  it("is refused for a wrong sequence and out of scope, and only checks when asked to", async (t) => {
    const opened = await open(t);
    const store = await withPerson(opened);
    assert.equal(reasonOf(await store.execute(erase({ expectedSequence: 1 }))), "SEQUENCE_MISMATCH");
    assert.equal(reasonOf(await store.execute(erase({ context: context({ scope: "other" }) }))), "USER_NOT_FOUND");
    const checked = await store.execute(erase({ context: context({ validateOnly: true }) }));
    assert.deepEqual([checked.ok && checked.written, tells(checked)], [0, false]);
    assert.ok(tells(await seen(opened)));
  });
}

function describeRedacting(open: OpenStore): void {
  it("takes named values from one event, and from the user what no later event has set", async (t) => {
    const opened = await open(t);
    const { store } = opened;
    resourceOf(await store.execute(createUser("u", { ...PERSON, note: "kept" })));
    const update = { profile: { email: "new@example.com" }, fields: ["email"] } as const;
    resourceOf(await store.execute(commands.updateUser("u", update)));
    const verify = { profile: { emailVerified: true }, fields: ["emailVerified"] } as const;
    resourceOf(await store.execute(commands.updateUser("u", verify)));
    const outcome = await redact(opened, 1, ["profile.email", "profile.username"]);
    const { data } = (outcome.ok && outcome.event) || assert.fail();
    const fields = ["profile.email", "profile.username"];
    assert.deepEqual(data, { sequence: 1, fields, cleared: ["profile.username"], reasonCode: "" });
    const [created] = await eventsOf(opened);
    assert.deepEqual(Object.keys(created?.event.personal ?? {}).sort(), ["attributes.billing", "note"]);
    assert.deepEqual(created?.erasedNames, fields);
    const { person } = (await store.readUser("u")) ?? assert.fail();
    assert.deepEqual(person.profile, { email: "new@example.com", emailVerified: true, locale: "en" });
    assert.deepEqual(await store.findByIdentifier("default", `${SECRET} 1`), []);
    // A user without an address has no verified one.
    resourceOf(await redact(opened, 2));
    assert.deepEqual((await store.readUser("u"))?.person.profile, { locale: "en" });
    await assertReplays(opened);
  });

  it("takes all values without names, the note of the restriction too, and a second time changes nothing", async (t) => {
    const opened = await open(t);
    const { store } = opened;
    resourceOf(await store.execute(createUser("u", PERSON)));
    resourceOf(await store.execute(commands.banUser("u", { note: SECRET, expiry: { kind: "never" } })));
    const banned = await redact(opened, 2);
    const [ban] = (await store.readUser("u"))?.state.restrictions ?? [];
    const { data } = (banned.ok && banned.event) || assert.fail();
    assert.deepEqual(data, { sequence: 2, fields: ["note"], cleared: [`note.${ban?.id}`], reasonCode: "" });
    assert.equal(ban?.note, "");
    const again = await redact(opened, 2);
    assert.deepEqual([again.ok && again.written, (await eventsOf(opened)).length], [0, 3]);
    resourceOf(await redact(opened, 1));
    assert.equal(tells(await eventsOf(opened)), false);
    await assertReplays(opened);
  });

  it("takes values from the answers that earlier requests are given again", async (t) => {
    const opened = await open(t);
    const { store } = opened;
    const create = createUser("u", { ...PERSON, context: requestContext("create") });
    resourceOf(await store.execute(create));
    resourceOf(await redact(opened, 1));
    const answer = await store.execute(create);
    assert.deepEqual([answer.ok && answer.replayed, tells(answer)], [true, false]);
  });

  it("works on the history of a deleted user, and keeps what a later life has set", async (t) => {
    const opened = await open(t);
    const { store } = opened;
    resourceOf(await store.execute(createUser("u", PERSON)));
    resourceOf(await store.execute(deleteUser("u", { note: SECRET })));
    resourceOf(await redact(opened, 2));
    resourceOf(await store.execute(createUser("u", PERSON)));
    resourceOf(await redact(opened, 1));
    assert.ok(tells(await store.readUser("u")));
    assert.deepEqual(
      (await eventsOf(opened)).map((listed) => tells(listed)),
      [false, false, false, true, false],
    );
    await assertReplays(opened);
  });

  it("finds an event far back in parts, with others in between, and not for longer than it may", async (t) => {
    const opened = await open(t, { limits: { sliceRows: 30, listMs: 0 } });
    const { store } = opened;
    resourceOf(await store.execute(createUser("u", PERSON)));
    const change = async (field: "username" | "email") => {
      const update = { profile: { [field]: "new@example.com" }, fields: [field] };
      resourceOf(await store.execute(commands.updateUser("u", update)));
      const locks = Array.from({ length: 50 }, () => [commands.lockUser("u"), commands.unlockUser("u")]).flat();
      await Promise.all(locks.map((command) => store.execute(command)));
      return (await store.readUser("u")) ?? assert.fail();
    };
    let passes = 0;
    const pass = (): undefined => void passes++;
    const user = await change("email");
    const { laterNames, names } = (await findEvent(store, user, 1, { pass })) ?? assert.fail();
    assert.deepEqual([names.length, laterNames, passes > 2], [3, ["profile.email"], true]);
    const late = findEvent(store, await change("username"), 1, { endTime: 0 });
    await assert.rejects(late, ReadGivenUpError);
    assert.equal(await findEvent(store, user, user.state.sequence + 1, {}), undefined);
  });

  it("is not in the memory of the log either, which is read while it is written", async (t) => {
    const { store, clock } = await open(t);
    const stop = new AbortController();
    t.after(() => stop.abort());
    const { position } = await store.log.open();
    const read = async (count: number): Promise<readonly ListedEvent[]> => {
      const events: ListedEvent[] = [];
      for await (const some of store.log.read(position, stop.signal)) if (events.push(...some) >= count) break;
      return events;
    };
    // A reader that has come to the end, so that events are kept for others.
    const waiting = store.log.read(position, stop.signal);
    const first = waiting.next();
    resourceOf(await store.execute(createUser("u", PERSON)));
    await first;
    waiting.next().catch(() => undefined);
    resourceOf(await store.execute(commands.lockUser("u", { note: SECRET })));
    assert.ok((await read(2)).every(tells));
    resourceOf(await redact({ store, clock }, 1));
    resourceOf(await store.execute(erase()));
    assert.equal(tells(await read(4)), false);
  });

  it("is refused for what is not there", async (t) => {
    const opened = await open(t);
    const { store } = opened;
    resourceOf(await store.execute(createUser("u", { note: SECRET })));
    resourceOf(await store.execute(commands.lockUser("u")));
    const reasons = async (...redactions: readonly ReturnType<typeof redact>[]) =>
      (await Promise.all(redactions)).map(reasonOf);
    assert.deepEqual(
      await reasons(
        redact(opened, 3),
        redact(opened, 2),
        redact(opened, 1, ["profile.email"]),
        redact(opened, 1, [], { expectedSequence: 1 }),
        redact(opened, 1, [], { context: context({ scope: "other" }) }),
      ),
      ["EVENT_NOT_FOUND", "EVENT_NOT_PERSONAL", "FIELD_INVALID", "SEQUENCE_MISMATCH", "USER_NOT_FOUND"],
    );
    const known = await findEvent(store, (await store.readUser("u")) ?? assert.fail(), 1, {});
    resourceOf(await store.execute(commands.unlockUser("u")));
    const stale = commands.redactEvent("u", known === undefined ? {} : { found: known });
    assert.equal(reasonOf(await store.execute(stale)), "SEQUENCE_MISMATCH");
  });
}

export function describeErasures(engine: string, open: OpenStore): void {
  describe(`${engine}: erasing a user`, () => describeErasing(open));
  describe(`${engine}: redacting an event`, () => describeRedacting(open));
}
