/** The result of each item of an import. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { anyUnpack, timestampFromMs, timestampMs } from "@bufbuild/protobuf/wkt";
import { ErrorInfoSchema } from "../../../gen/google/rpc/error_details_pb.ts";
import { Cause, RestrictionKind } from "../../../gen/lockkeeper/resource/v1/restriction_pb.ts";
import { State } from "../../../gen/lockkeeper/user/v1/user_pb.ts";
import { startService, TestClock } from "../../support/service.ts";

const HOUR_MS = 3_600_000;

test("imports each item by itself, in order, and repeats an import's answer", async (t) => {
  const clock = new TestClock();
  const { users } = await startService(t, { clock: () => clock.now });
  await users.createUser({ userId: "taken" });
  const request = {
    requestId: "import-1",
    users: [
      { userId: "a", creationDate: timestampFromMs(clock.now - HOUR_MS), profile: { email: "a@example.com" } },
      { userId: "taken" },
      { userId: "bad id " },
      { userId: "b", profile: { locale: "not_ok" } },
      {
        userId: "c",
        restrictions: [
          { kind: RestrictionKind.BAN, reasonCode: "FRAUD", note: "from the old system", actor: "old:admin" },
          { kind: RestrictionKind.LOCK, cause: Cause.POLICY, expiry: { case: "never" as const, value: true } },
        ],
      },
      { userId: "d", restrictions: [{ kind: RestrictionKind.BAN, cause: Cause.POLICY }] },
    ],
  };
  const { results } = await users.importUsers(request);
  assert.deepEqual(
    results.map(({ userId, action, result }) => [
      userId,
      action,
      result.case === "error" ? result.value.code : result.case,
    ]),
    [
      ["a", 1, "details"],
      ["taken", 0, 6],
      ["bad id ", 0, 3],
      ["b", 0, 3],
      ["c", 1, "details"],
      ["d", 0, 3],
    ],
  );
  const { user } = await users.getUser({ userId: "c" });
  assert.equal(user?.state, State.BANNED);
  assert.deepEqual(
    user.restrictions.map((r) => [r.kind, r.cause, r.note, r.actor === "imported:old:admin"]),
    [
      [RestrictionKind.BAN, Cause.ADMIN, "from the old system", true],
      [RestrictionKind.LOCK, Cause.POLICY, "", false],
    ],
  );
  const imported = (await users.getUser({ userId: "a" })).user;
  assert.equal(timestampMs(imported?.details?.creationDate ?? timestampFromMs(0)), clock.now - HOUR_MS);
  assert.deepEqual((await users.importUsers(request)).results, results);
  const { results: refused } = await users.importUsers({ ...request, users: [{ userId: "e" }] });
  const error = refused[0]?.result.case === "error" ? refused[0].result.value : assert.fail();
  assert.match(error.message, /the request_id "import-1" was used for another .*ImportUsers request/);
  const [info] = error.details.map((detail) => anyUnpack(detail, ErrorInfoSchema));
  assert.deepEqual([info?.reason, info?.metadata.requestId], ["REQUEST_ID_REUSED", "import-1"]);
  const again = await users.importUsers({ users: [{ userId: "a", profile: { phone: "1" } }], ifExists: 3 });
  assert.equal(again.results[0]?.action, 2);
  assert.equal((await users.getUser({ userId: "a" })).user?.profile?.email, "a@example.com");
  const skipped = await users.importUsers({ users: [{ userId: "a" }], ifExists: 2 });
  assert.equal(skipped.results[0]?.action, 3);
});

test("imports a user with one restriction of every kind and cause", async (t) => {
  const { users } = await startService(t);
  const every = [
    [RestrictionKind.LOCK, Cause.ADMIN],
    [RestrictionKind.LOCK, Cause.POLICY],
    [RestrictionKind.LOCK, Cause.RECOVERY],
    [RestrictionKind.BAN, Cause.ADMIN],
    [RestrictionKind.DEACTIVATION, Cause.ADMIN],
    [RestrictionKind.DEACTIVATION, Cause.DIRECTORY],
  ] as const;
  const { results } = await users.importUsers({
    users: [{ userId: "all", restrictions: every.map(([kind, cause]) => ({ kind, cause })) }],
  });
  assert.equal(results[0]?.result.case, "details");
  const { user } = await users.getUser({ userId: "all" });
  const kinds = (pairs: readonly (readonly [RestrictionKind, Cause])[]) => pairs.map((pair) => pair.join("/")).sort();
  assert.deepEqual(kinds((user?.restrictions ?? []).map(({ kind, cause }) => [kind, cause])), kinds(every));
});
