/** The contract of `execute`: one command at a time, what it writes and what it answers. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  banUser,
  context,
  createApiKey,
  createOrganization,
  createUser,
  deleteUser,
  importUser,
  lockUser,
  ORGANIZATION_ID,
  revokeApiKey,
  rotateApiKey,
  settleUser,
  unlockUser,
  updateUser,
} from "../support/commands.ts";
import { readAll, reasonOf, resourceOf } from "../support/outcomes.ts";
import { START_TIME } from "../support/sqlite-fixture.ts";
import type { ContractStore, OpenStore } from "./contract.ts";

const HOUR_MS = 3_600_000;

function typesOf({ store }: ContractStore, userId: string): Promise<string[]> {
  return readAll((after) =>
    store.listUserEvents({ userId, order: "oldest_first", pageSize: 100, ...(after === undefined ? {} : { after }) }),
  ).then((events) => events.map(({ event }) => event.type));
}

export function describeCommands(engine: string, open: OpenStore): void {
  describe(`${engine}: commands`, () => {
    it("creates a user and reads it back", async (t) => {
      const { store } = await open(t);
      const profile = { username: "Ada", emailVerified: true } as const;
      const created = resourceOf(await store.execute(createUser("u", { profile, attributes: { a: '{"b":1}' } })));
      assert.equal(created.state.sequence, 1);
      assert.deepEqual(await store.readUser("u"), created);
      assert.deepEqual(created.person, { profile, attributes: { a: '{"b":1}' } });
      assert.equal(await store.readUser("nobody"), undefined);
    });

    it("answers the user as the command left it, with the person", async (t) => {
      const { store } = await open(t);
      await store.execute(createUser("u", { profile: { username: "ada" } }));
      const outcome = await store.execute(lockUser("u", { note: "seen twice", reasonCode: "fraud" }));
      const user = resourceOf(outcome);
      assert.equal(outcome.ok && outcome.written, 1);
      assert.equal(user.state.sequence, 2);
      assert.equal(user.person.profile.username, "ada");
      assert.deepEqual(
        user.state.restrictions.map(({ note, reasonCode, expireTime }) => [note, reasonCode, expireTime]),
        [["seen twice", "fraud", START_TIME + HOUR_MS]],
      );
      assert.deepEqual(await store.readUser("u"), user);
    });

    it("takes the default duration from the user's organization", async (t) => {
      const { store } = await open(t);
      await store.execute(createOrganization("slow", { defaultLockDurationMs: 5 * HOUR_MS }));
      await store.execute(createUser("u", { organizationId: "slow" }));
      const user = resourceOf(await store.execute(lockUser("u")));
      assert.equal(user.state.restrictions[0]?.expireTime, START_TIME + 5 * HOUR_MS);
    });

    it("refuses users and keys of an organization that is not there or out of scope", async (t) => {
      const { store } = await open(t);
      const elsewhere = { organizationId: "nowhere" };
      assert.equal(reasonOf(await store.execute(createUser("u", elsewhere))), "ORGANIZATION_NOT_FOUND");
      assert.equal(reasonOf(await store.execute(importUser("u", elsewhere))), "ORGANIZATION_NOT_FOUND");
      assert.equal(reasonOf(await store.execute(createApiKey("k", elsewhere))), "ORGANIZATION_NOT_FOUND");
      const outOfScope = createUser("u", { context: context({ scope: "nowhere" }) });
      assert.equal(reasonOf(await store.execute(outOfScope)), "ORGANIZATION_NOT_FOUND");
      assert.equal(await store.readUser("u"), undefined);
    });

    it("writes nothing for a refused command, not even what is due", async (t) => {
      const contract = await open(t);
      const { store, clock } = contract;
      await store.execute(createUser("u"));
      await store.execute(lockUser("u"));
      clock.time += 2 * HOUR_MS;
      assert.equal(reasonOf(await store.execute(unlockUser("u"))), "USER_NOT_LOCKED");
      assert.deepEqual(await typesOf(contract, "u"), ["UserCreated", "UserLocked"]);
      assert.equal((await store.readUser("u"))?.state.sequence, 3, "reads are settled anyway");
    });

    it("writes what is due before the command's own event, dated when it was due", async (t) => {
      const contract = await open(t);
      const { store, clock } = contract;
      await store.execute(createUser("u"));
      await store.execute(lockUser("u"));
      clock.time += 2 * HOUR_MS;
      const user = resourceOf(await store.execute(lockUser("u")));
      assert.equal(user.state.sequence, 4);
      const { items } = await store.listUserEvents({ userId: "u", order: "newest_first", pageSize: 2 });
      assert.deepEqual(
        items.map(({ event, via, sequence, recordTime }) => [
          event.type,
          event.actor,
          via,
          sequence,
          event.time,
          recordTime,
        ]),
        [
          ["UserLocked", "key:test", "test", 4, clock.time, clock.time],
          ["RestrictionExpired", "system", "clock", 3, START_TIME + HOUR_MS, clock.time],
        ],
      );
    });

    it("writes what is due when a command succeeds without an event of its own", async (t) => {
      const contract = await open(t);
      const { store, clock } = contract;
      await store.execute(createUser("u"));
      await store.execute(lockUser("u"));
      clock.time += 2 * HOUR_MS;
      const outcome = await store.execute(unlockUser("u", { ifAlready: "succeed" }));
      assert.equal(outcome.ok && outcome.written, 1);
      assert.deepEqual(await typesOf(contract, "u"), ["UserCreated", "UserLocked", "RestrictionExpired"]);
    });

    it("settles a user once, whichever command comes first", async (t) => {
      const contract = await open(t);
      const { store, clock } = contract;
      await store.execute(createUser("u"));
      await store.execute(lockUser("u"));
      clock.time += 2 * HOUR_MS;
      await Promise.all([store.sweep(), store.execute(settleUser("u")), store.execute(settleUser("u"))]);
      await store.sweep();
      assert.deepEqual(await typesOf(contract, "u"), ["UserCreated", "UserLocked", "RestrictionExpired"]);
      assert.equal(reasonOf(await store.execute(settleUser("nobody"))), "USER_NOT_FOUND");
    });

    it("validates without storing anything", async (t) => {
      const contract = await open(t);
      const { store } = contract;
      const only = context({ validateOnly: true });
      const would = resourceOf(await store.execute(createUser("u", { context: only })));
      assert.equal(would.state.sequence, 1);
      assert.equal(await store.readUser("u"), undefined);
      await store.execute(createUser("u"));
      const locked = await store.execute(lockUser("u", { context: only }));
      assert.equal(resourceOf(locked).state.restrictions.length, 1);
      assert.equal(locked.ok && locked.written, 0);
      assert.deepEqual(await typesOf(contract, "u"), ["UserCreated"]);
      const refused = await store.execute(unlockUser("u", { context: only }));
      assert.equal(reasonOf(refused), "USER_NOT_LOCKED");
    });

    it("updates, deletes and takes up again, keeping sequence, epoch and ban", async (t) => {
      const { store } = await open(t);
      await store.execute(createUser("u", { profile: { username: "ada", email: "a@b.c" } }));
      const updated = resourceOf(
        await store.execute(updateUser("u", { fields: ["username"], profile: { username: "eva" } })),
      );
      assert.deepEqual(updated.person.profile, { username: "eva", email: "a@b.c" });
      await store.execute(banUser("u"));
      const deleted = resourceOf(await store.execute(deleteUser("u")));
      assert.deepEqual([deleted.state.deleted, deleted.person.profile], [true, {}]);
      assert.equal(reasonOf(await store.execute(lockUser("u"))), "USER_NOT_FOUND");
      const again = resourceOf(await store.execute(createUser("u")));
      assert.deepEqual([again.state.sequence, again.state.epoch, again.state.restrictions[0]?.kind], [5, 3, "BAN"]);
      assert.deepEqual(await store.readUser("u"), again);
    });

    it("imports with restrictions, and merges when asked to", async (t) => {
      const { store } = await open(t);
      const restriction = {
        id: "r1",
        kind: "BAN",
        cause: "ADMIN",
        reasonCode: "old",
        note: "from before",
        actor: "",
        startTime: START_TIME - HOUR_MS,
        expiry: { kind: "never" },
      } as const;
      const made = resourceOf(
        await store.execute(
          importUser("u", { creationTime: 1_000, restrictions: [restriction], profile: { givenName: "A" } }),
        ),
      );
      assert.deepEqual([made.state.creationTime, made.state.restrictions[0]?.note], [1_000, "from before"]);
      assert.equal(reasonOf(await store.execute(importUser("u"))), "USER_ALREADY_EXISTS");
      const merged = resourceOf(
        await store.execute(importUser("u", { ifExists: "update", profile: { familyName: "B" } })),
      );
      assert.deepEqual(merged.person.profile, { givenName: "A", familyName: "B" });
      assert.deepEqual(await store.readUser("u"), merged);
    });

    it("rechecks the caller's key in the transaction", async (t) => {
      const { store, clock } = await open(t);
      await store.execute(createUser("u"));
      await store.execute(createApiKey("first"));
      await store.execute(createApiKey("second"));
      await store.execute(createApiKey("short", { expireTime: clock.time + 1_000 }));
      const [, revoked, byRevoked, byOther, byUnknown] = await Promise.all([
        store.execute(lockUser("u", { context: context({ keyId: "first" }) })),
        store.execute(revokeApiKey("first")),
        store.execute(unlockUser("u", { context: context({ keyId: "first" }) })),
        store.execute(unlockUser("u", { context: context({ keyId: "second" }) })),
        store.execute(lockUser("u", { context: context({ keyId: "never-was" }) })),
      ]);
      resourceOf(revoked);
      resourceOf(byOther);
      assert.deepEqual([reasonOf(byRevoked), reasonOf(byUnknown)], ["CREDENTIAL_INVALID", "CREDENTIAL_INVALID"]);
      clock.time += 1_000;
      const late = await store.execute(lockUser("u", { context: context({ keyId: "short" }) }));
      assert.equal(reasonOf(late), "CREDENTIAL_INVALID");
    });

    it("lets a rotated key act by its earlier secret as long as that opens, decided in order", async (t) => {
      const { store, clock } = await open(t);
      await store.execute(createApiKey("k"));
      await store.execute(createUser("u"));
      const by = (secretHash: string) => ({ context: context({ keyId: "k", secretHash }) });
      const acts = async (secretHash: string) => {
        const outcome = await store.execute(updateUser("u", by(secretHash)));
        return outcome.ok ? "OK" : outcome.refusal.reason;
      };
      const [, , late] = await Promise.all([
        store.execute(rotateApiKey("k", { overlapMs: 1_000 })),
        store.execute(rotateApiKey("k", { secretHash: "third" })),
        store.execute(lockUser("u", by("hash-of-k"))),
      ]);
      assert.equal(reasonOf(late), "CREDENTIAL_INVALID", "ended by a command of the same batch");
      assert.equal(await acts("next-hash-of-k"), "CREDENTIAL_INVALID");
      resourceOf(await store.execute(rotateApiKey("k", { secretHash: "fourth", overlapMs: 1_000 })));
      assert.deepEqual([await acts("third"), await acts("fourth")], ["OK", "OK"]);
      clock.time += 1_000;
      assert.deepEqual([await acts("third"), await acts("fourth")], ["CREDENTIAL_INVALID", "OK"]);
      for (const secretHash of ["hash-of-k", "next-hash-of-k", "third", "fourth"]) {
        assert.equal((await store.readApiKey({ secretHash }))?.id, "k", secretHash);
      }
      assert.equal(await store.readApiKey({ secretHash: "unknown" }), undefined);
      const key = await store.readApiKey({ id: "k" });
      assert.deepEqual([key?.secretHash, key?.sequence, (await store.loadApiKeys()).length], ["fourth", 4, 1]);
    });

    it("keeps the last owner key, even when all are revoked in one batch", async (t) => {
      const { store } = await open(t);
      for (const id of ["a", "b", "c"]) await store.execute(createApiKey(id));
      const outcomes = await Promise.all(["a", "b", "c"].map((id) => store.execute(revokeApiKey(id))));
      assert.deepEqual(
        outcomes.map((outcome) => (outcome.ok ? "OK" : outcome.refusal.reason)),
        ["OK", "OK", "API_KEY_LAST_OWNER"],
      );
      assert.deepEqual(
        (await store.loadApiKeys()).map(({ id }) => id),
        ["c"],
      );
    });

    it("refuses a key whose id or secret is taken, and harms nobody else", async (t) => {
      const { store } = await open(t);
      await store.execute(createApiKey("a"));
      const [sameId, sameSecret, other] = await Promise.all([
        store.execute(createApiKey("a", { secretHash: "x" })),
        store.execute(createApiKey("b", { secretHash: "hash-of-a" })),
        store.execute(createApiKey("c")),
      ]);
      assert.deepEqual([reasonOf(sameId), reasonOf(sameSecret)], ["STORE_REJECTED", "STORE_REJECTED"]);
      resourceOf(other);
    });

    it("notes the days on which keys were used, outside the history", async (t) => {
      const { store } = await open(t);
      await store.execute(createApiKey("a"));
      await store.touchApiKeys(
        new Map([
          ["a", "2026-01-02"],
          ["unknown", "2026-01-02"],
        ]),
      );
      const [key] = await store.loadApiKeys();
      assert.deepEqual([key?.lastUsedDay, key?.sequence], ["2026-01-02", 1]);
      await store.execute(createApiKey("b"));
      resourceOf(await store.execute(revokeApiKey("a")));
      const { items } = await store.listApiKeys({ organizationId: null, pageSize: 10 });
      assert.equal(items[0]?.lastUsedDay, "2026-01-02", "a later change leaves the day as it is");
    });

    it("creates, updates and lists organizations", async (t) => {
      const { store } = await open(t);
      resourceOf(await store.execute(createOrganization("acme", { displayName: "Acme" })));
      assert.equal(reasonOf(await store.execute(createOrganization("acme"))), "ORGANIZATION_ALREADY_EXISTS");
      const updated = resourceOf(
        await store.execute({
          type: "UpdateOrganization",
          organizationId: "acme",
          defaultLockDurationMs: 1_000,
          context: context(),
        }),
      );
      assert.deepEqual([updated.displayName, updated.defaultLockDurationMs, updated.sequence], ["Acme", 1_000, 2]);
      assert.deepEqual(await store.readOrganization("acme"), updated);
      const all = await readAll((after) =>
        store.listOrganizations({ pageSize: 1, ...(after === undefined ? {} : { after }) }),
      );
      assert.deepEqual(
        all.map(({ id }) => id),
        ["acme", ORGANIZATION_ID],
      );
    });

    it("never dates a record before an earlier one", async (t) => {
      const { store, clock } = await open(t);
      await store.execute(createUser("u"));
      clock.time -= 50_000;
      assert.equal(await store.now(), START_TIME);
      assert.equal(resourceOf(await store.execute(lockUser("u"))).state.changeTime, START_TIME);
    });

    it("refuses every call after it was closed", async (t) => {
      const { store } = await open(t);
      const accepted = store.execute(createUser("u"));
      await store.close();
      resourceOf(await accepted);
      await assert.rejects(store.execute(createUser("v")), { name: "StoreUnavailableError", outcome: "NOT_APPLIED" });
      await assert.rejects(store.readUser("u"), { name: "StoreUnavailableError" });
      await assert.rejects(store.listOrganizations({ pageSize: 1 }), { name: "StoreUnavailableError" });
      await assert.rejects(store.check(), { name: "StoreUnavailableError" });
    });
  });
}
