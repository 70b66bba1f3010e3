/** The contract of request ids: a repeated request is answered as it was, and done once. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  createApiKey,
  createOrganization,
  createUser,
  deleteUser,
  lockUser,
  ORGANIZATION_ID,
  requestContext,
  revokeApiKey,
  unlockUser,
} from "../support/commands.ts";
import { reasonOf, resourceOf, tally } from "../support/outcomes.ts";
import type { OpenStore } from "./contract.ts";

const DAY_MS = 24 * 3_600_000;

export function describeRequests(engine: string, open: OpenStore): void {
  describe(`${engine}: request ids`, () => {
    it("P20 does the same request once when it comes 100 times at once", async (t) => {
      const { store } = await open(t);
      await store.execute(createUser("u"));
      const outcomes = await Promise.all(
        Array.from({ length: 100 }, () => store.execute(lockUser("u", { context: requestContext("r") }))),
      );
      const first = resourceOf(await store.execute(lockUser("u", { context: requestContext("r") })));
      for (const outcome of outcomes) assert.deepEqual(resourceOf(outcome), first);
      assert.equal(outcomes.filter((outcome) => outcome.ok && !outcome.replayed).length, 1);
      assert.equal((await store.listUserEvents({ userId: "u", order: "oldest_first", pageSize: 10 })).items.length, 2);
    });

    it("answers a repeated request as it was answered, whatever came after", async (t) => {
      const { store, clock } = await open(t);
      await store.execute(createUser("u", { profile: { username: "ada" } }));
      const locked = await store.execute(lockUser("u", { note: "n", context: requestContext("lock") }));
      clock.time += 10;
      const unlocked = resourceOf(await store.execute(unlockUser("u", { context: requestContext("unlock") })));
      const deleted = resourceOf(await store.execute(deleteUser("u", { context: requestContext("delete") })));
      const again = await store.execute(lockUser("u", { context: requestContext("lock") }));
      assert.deepEqual(again, { ...locked, written: 0, replayed: true });
      assert.equal(again.ok && again.event?.type, "UserLocked");
      assert.deepEqual(
        resourceOf(await store.execute(unlockUser("u", { context: requestContext("unlock") }))),
        unlocked,
      );
      assert.deepEqual(
        resourceOf(await store.execute(deleteUser("u", { context: requestContext("delete") }))),
        deleted,
      );
    });

    it("keeps requests of one actor in different scopes apart, in the same batch and later", async (t) => {
      const { store } = await open(t);
      for (const id of ["a", "b"]) resourceOf(await store.execute(createOrganization(id)));
      const request = (scope: string) => {
        const known = requestContext("r", "same", { actor: "oidc:issuer|one", scope });
        return { ...known, request: { ...(known.request ?? assert.fail()), scope } };
      };
      const create = (scope: string) =>
        store.execute(createUser(`u-${scope}`, { organizationId: scope, context: request(scope) }));
      const expectApart = async (replayed: boolean) => {
        const outcomes = await Promise.all([create("a"), create("b")]);
        assert.deepEqual(
          outcomes.map((outcome) => outcome.ok && outcome.replayed),
          [replayed, replayed],
        );
        assert.deepEqual(
          outcomes.map((outcome) => resourceOf(outcome).state.organizationId),
          ["a", "b"],
        );
      };
      await expectApart(false);
      await expectApart(true);
    });

    it("P20 refuses another content under the same id, in the same batch and later", async (t) => {
      const { store } = await open(t);
      await store.execute(createUser("u"));
      const [first, other] = await Promise.all([
        store.execute(lockUser("u", { context: requestContext("r", "one") })),
        store.execute(unlockUser("u", { context: requestContext("r", "two") })),
      ]);
      resourceOf(first);
      assert.equal(reasonOf(other), "REQUEST_ID_REUSED");
      const later = await store.execute(unlockUser("u", { context: requestContext("r", "two") }));
      assert.equal(reasonOf(later), "REQUEST_ID_REUSED");
    });

    it("keeps the ids of different actors and RPCs apart", async (t) => {
      const { store } = await open(t);
      await store.execute(createUser("u"));
      resourceOf(await store.execute(lockUser("u", { context: requestContext("r") })));
      const byOther = lockUser("u", { context: requestContext("r", "same", { actor: "key:other" }) });
      assert.equal(reasonOf(await store.execute(byOther)), "USER_ALREADY_LOCKED");
    });

    it("remembers only successes: a refused command is decided again", async (t) => {
      const { store } = await open(t);
      const create = () => store.execute(createUser("u"));
      const lock = () => store.execute(lockUser("u", { context: requestContext("r") }));
      assert.equal(reasonOf(await lock()), "USER_NOT_FOUND");
      const outcomes = await Promise.all([lock(), create(), lock(), lock()]);
      assert.deepEqual(tally(outcomes), { USER_NOT_FOUND: 1, OK: 3 });
    });

    it("remembers a success that wrote no event", async (t) => {
      const { store } = await open(t);
      await store.execute(createUser("u"));
      const unlock = () => store.execute(unlockUser("u", { ifAlready: "succeed", context: requestContext("r") }));
      const first = resourceOf(await unlock());
      await store.execute(lockUser("u"));
      const again = await unlock();
      assert.deepEqual([resourceOf(again), again.ok && again.replayed], [first, true]);
      assert.ok(again.ok && again.event === undefined);
      assert.equal((await store.readUser("u"))?.state.restrictions.length, 1);
    });

    it("remembers nothing of what was only validated", async (t) => {
      const { store } = await open(t);
      await store.execute(createUser("u"));
      const only = requestContext("r", "validate", { validateOnly: true });
      const [validated, real] = await Promise.all([
        store.execute(lockUser("u", { context: only })),
        store.execute(lockUser("u", { context: requestContext("r", "real") })),
      ]);
      resourceOf(validated);
      assert.equal(real.ok && real.replayed, false);
      resourceOf(real);
    });

    it("forgets a request after 24 hours", async (t) => {
      const { store, clock } = await open(t);
      await store.execute(createUser("u"));
      await store.execute(lockUser("u", { expiry: { kind: "never" }, context: requestContext("r") }));
      clock.time += DAY_MS - 1;
      resourceOf(await store.execute(lockUser("u", { context: requestContext("r") })));
      clock.time += 1;
      assert.equal(
        reasonOf(await store.execute(lockUser("u", { context: requestContext("r") }))),
        "USER_ALREADY_LOCKED",
      );
      resourceOf(await store.execute(unlockUser("u", { context: requestContext("r", "other") })));
      await store.sweep();
      assert.equal(reasonOf(await store.execute(lockUser("u", { context: requestContext("r") }))), "REQUEST_ID_REUSED");
      clock.time += DAY_MS;
      await store.sweep();
      resourceOf(await store.execute(lockUser("u", { context: requestContext("r") })));
    });

    it("answers repeated requests on keys and organizations from their events", async (t) => {
      const { store } = await open(t);
      for (const id of ["a", "b"]) await store.execute(createApiKey(id));
      const revoke = () => store.execute(revokeApiKey("a", { note: "leaked", context: requestContext("k") }));
      assert.deepEqual(resourceOf(await revoke()), resourceOf(await revoke()));
      const rename = (displayName: string, id: string) =>
        store.execute({
          type: "UpdateOrganization",
          organizationId: ORGANIZATION_ID,
          displayName,
          context: requestContext(id, displayName),
        });
      const first = resourceOf(await rename("One", "1"));
      await rename("Two", "2");
      assert.deepEqual(resourceOf(await rename("One", "1")), first);
    });
  });
}
