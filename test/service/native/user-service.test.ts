/** UserService through a real client: what each RPC answers, refuses and writes. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { timestampFromMs, timestampMs } from "@bufbuild/protobuf/wkt";
import { Cause, RestrictionKind } from "../../../gen/lockkeeper/resource/v1/restriction_pb.ts";
import { State } from "../../../gen/lockkeeper/user/v1/user_pb.ts";
import { ROLES } from "../../../src/auth/permissions.ts";
import { assertRefused, refusalOf } from "../../support/refusals.ts";
import { ADMIN_KEY, clientsOf, GENERATION, startService, TestClock } from "../../support/service.ts";

const HOUR_MS = 3_600_000;

test("locks a user for the organization's default time and answers details and user", async (t) => {
  const clock = new TestClock();
  const { users } = await startService(t, { clock: () => clock.now });
  const created = await users.createUser({ userId: "u1", profile: { email: "a@example.com" } });
  clock.advance(1000);
  const { details, user } = await users.lockUser({ userId: "u1", reasonCode: "ABUSE", note: "three reports" });
  assert.equal(details?.sequence, 2n);
  assert.equal(details.resourceOwner, "default");
  assert.deepEqual(details.creationDate, created.details?.creationDate);
  assert.equal(timestampMs(details.changeDate ?? timestampFromMs(0)), clock.now);
  assert.equal(user?.state, State.LOCKED);
  assert.equal(user.profile?.email, "a@example.com");
  const [lock] = user.restrictions;
  assert.equal(lock?.kind, RestrictionKind.LOCK);
  assert.equal(lock.cause, Cause.ADMIN);
  assert.equal(lock.reasonCode, "ABUSE");
  assert.equal(lock.note, "three reports");
  assert.equal(timestampMs(lock.expireTime ?? timestampFromMs(0)), clock.now + HOUR_MS);
});

test("an update of the organization changes how long the next lock lasts", async (t) => {
  const clock = new TestClock();
  const { users, organizations } = await startService(t, { clock: () => clock.now });
  await users.createUser({ userId: "u1" });
  await organizations.updateOrganization({
    organizationId: "default",
    defaultLockDuration: { seconds: 60n, nanos: 0 },
    updateMask: { paths: ["default_lock_duration"] },
  });
  const { user } = await users.lockUser({ userId: "u1" });
  assert.equal(timestampMs(user?.restrictions[0]?.expireTime ?? timestampFromMs(0)), clock.now + 60_000);
});

test("an expired lock is gone at exactly its end, in every answer, and is one event", async (t) => {
  const clock = new TestClock();
  const { users } = await startService(t, { clock: () => clock.now });
  await users.createUser({ userId: "u1" });
  const end = clock.now + HOUR_MS;
  await users.lockUser({ userId: "u1" });
  clock.now = end - 1;
  assert.equal((await users.getUser({ userId: "u1" })).user?.state, State.LOCKED);
  clock.now = end;
  const { user } = await users.getUser({ userId: "u1" });
  assert.equal(user?.state, State.ACTIVE);
  assert.equal(user.details?.sequence, 3n);
  assert.equal(timestampMs(user.details.changeDate ?? timestampFromMs(0)), end);
  clock.advance(5000);
  await users.banUser({ userId: "u1" });
  const { events } = await users.listUserEvents({ userId: "u1" });
  assert.deepEqual(
    events.map((event) => [event.payload.case, event.sequence]),
    [
      ["userBanned", 4n],
      ["restrictionExpired", 3n],
      ["userLocked", 2n],
      ["userCreated", 1n],
    ],
  );
});

test("restrictions of different kinds overlap and are lifted one by one", async (t) => {
  const { users } = await startService(t);
  await users.createUser({ userId: "u1" });
  const epochs: bigint[] = [];
  const stateAfter = async (call: Promise<{ user?: { state: State; revocationEpoch: bigint } | undefined }>) => {
    const { user } = await call;
    epochs.push(user?.revocationEpoch ?? 0n);
    return user?.state;
  };
  assert.equal(await stateAfter(users.lockUser({ userId: "u1" })), State.LOCKED);
  assert.equal(await stateAfter(users.deactivateUser({ userId: "u1" })), State.INACTIVE);
  assert.equal(await stateAfter(users.banUser({ userId: "u1" })), State.BANNED);
  assert.equal(await stateAfter(users.unlockUser({ userId: "u1" })), State.BANNED);
  assert.equal(await stateAfter(users.unbanUser({ userId: "u1" })), State.INACTIVE);
  assert.equal(await stateAfter(users.reactivateUser({ userId: "u1" })), State.ACTIVE);
  assert.deepEqual(
    epochs,
    [1n, 2n, 3n, 3n, 3n, 3n].map((epoch) => GENERATION + epoch),
  );
});

test("each change that has been made already is refused with a reason of its own", async (t) => {
  const { users } = await startService(t);
  await users.createUser({ userId: "u1" });
  const userId = "u1";
  await assertRefused(users.createUser({ userId }), "AlreadyExists", "USER_ALREADY_EXISTS");
  await assertRefused(users.unlockUser({ userId }), "FailedPrecondition", "USER_NOT_LOCKED");
  await assertRefused(users.unbanUser({ userId }), "FailedPrecondition", "USER_NOT_BANNED");
  await assertRefused(users.reactivateUser({ userId }), "FailedPrecondition", "USER_NOT_DEACTIVATED");
  await users.lockUser({ userId });
  await users.banUser({ userId });
  await users.deactivateUser({ userId });
  await assertRefused(users.lockUser({ userId }), "FailedPrecondition", "USER_ALREADY_LOCKED");
  await assertRefused(users.banUser({ userId }), "FailedPrecondition", "USER_ALREADY_BANNED");
  await assertRefused(users.deactivateUser({ userId }), "FailedPrecondition", "USER_ALREADY_DEACTIVATED");
  await assertRefused(users.lockUser({ userId: "nobody" }), "NotFound", "USER_NOT_FOUND");
  await assertRefused(users.lockUser({ userId, expectedSequence: 1n }), "Aborted", "SEQUENCE_MISMATCH");
});

test("a deleted user is a tombstone that keeps a ban and can be taken up again", async (t) => {
  const { users } = await startService(t);
  await users.createUser({ userId: "u1", profile: { username: "alice" } });
  await users.banUser({ userId: "u1" });
  await users.lockUser({ userId: "u1" });
  const { user: tombstone } = await users.deleteUser({ userId: "u1" });
  assert.equal(tombstone?.state, State.DELETED);
  assert.equal(tombstone.profile?.username, undefined);
  await assertRefused(users.getUser({ userId: "u1" }), "NotFound", "USER_NOT_FOUND");
  await assertRefused(users.deleteUser({ userId: "u1" }), "NotFound", "USER_NOT_FOUND");
  assert.equal((await users.getUser({ userId: "u1", showDeleted: true })).user?.state, State.DELETED);
  const { user } = await users.createUser({ userId: "u1" });
  assert.equal(user?.state, State.BANNED);
  assert.deepEqual(
    user.restrictions.map((r) => r.kind),
    [RestrictionKind.BAN],
  );
  assert.equal(user.details?.sequence, 5n);
  assert.equal(user.revocationEpoch, GENERATION + 3n);
});

test("a schedule starts by itself and ends sessions when it does", async (t) => {
  const clock = new TestClock();
  const { users } = await startService(t, { clock: () => clock.now });
  await users.createUser({ userId: "u1" });
  const start = clock.now + HOUR_MS;
  const { user } = await users.banUser({ userId: "u1", startTime: timestampFromMs(start) });
  assert.equal(user?.state, State.ACTIVE);
  assert.equal(user.restrictions[0]?.scheduled, true);
  assert.equal(user.revocationEpoch, GENERATION + 1n);
  await assertRefused(users.banUser({ userId: "u1" }), "FailedPrecondition", "USER_ALREADY_BANNED");
  clock.now = start;
  const later = (await users.getUser({ userId: "u1" })).user;
  assert.equal(later?.state, State.BANNED);
  assert.equal(later.revocationEpoch, GENERATION + 2n);
});

test("validate_only runs every check, answers what would be and stores nothing", async (t) => {
  const { users } = await startService(t);
  await users.createUser({ userId: "u1" });
  const { details, user } = await users.lockUser({ userId: "u1", validateOnly: true, requestId: "r1" });
  assert.equal(details?.sequence, 2n);
  assert.equal(user?.state, State.LOCKED);
  assert.equal((await users.getUser({ userId: "u1" })).user?.details?.sequence, 1n);
  await users.lockUser({ userId: "u1" });
  await assertRefused(
    users.lockUser({ userId: "u1", validateOnly: true }),
    "FailedPrecondition",
    "USER_ALREADY_LOCKED",
  );
});

test("P20 the same request_id answers the first success again, and other content is refused", async (t) => {
  const { users } = await startService(t);
  await users.createUser({ userId: "u1" });
  const answers = await Promise.all(
    Array.from({ length: 100 }, () => users.lockUser({ userId: "u1", requestId: "r1", reasonCode: "X" })),
  );
  for (const answer of answers) assert.deepEqual(answer, answers[0]);
  assert.equal((await users.listUserEvents({ userId: "u1" })).events.length, 2);
  await assertRefused(users.lockUser({ userId: "u1", requestId: "r1" }), "InvalidArgument", "REQUEST_ID_REUSED");
  await users.unlockUser({ userId: "u1" });
  assert.deepEqual(await users.lockUser({ userId: "u1", requestId: "r1", reasonCode: "X" }), answers[0]);
});

test("of 1,000 concurrent locks of one user exactly one succeeds", async (t) => {
  const { users } = await startService(t);
  await users.createUser({ userId: "u1" });
  const outcomes = await Promise.all(
    Array.from({ length: 1000 }, () =>
      users.lockUser({ userId: "u1" }).then(
        () => "OK",
        (error: unknown) => String(error),
      ),
    ),
  );
  assert.equal(outcomes.filter((outcome) => outcome === "OK").length, 1);
  assert.equal(outcomes.filter((outcome) => outcome.includes("locked already")).length, 999);
  assert.equal((await users.listUserEvents({ userId: "u1" })).events.length, 2);
});

test("a caller of one organization sees nothing of another one", async (t) => {
  const { users, organizations, keys, url } = await startService(t);
  await organizations.createOrganization({ organizationId: "acme" });
  await users.createUser({ userId: "ours", organizationId: "acme" });
  await users.createUser({ userId: "theirs" });
  const { secret } = await keys.createApiKey({ role: "operator", organizationId: "acme" });
  const acme = clientsOf(url, secret).users;
  assert.equal((await acme.lockUser({ userId: "ours" })).details?.resourceOwner, "acme");
  await assertRefused(acme.lockUser({ userId: "theirs" }), "NotFound", "USER_NOT_FOUND");
  await assertRefused(acme.getUser({ userId: "theirs", organizationId: "default" }), "NotFound", "USER_NOT_FOUND");
  await assertRefused(acme.listUserEvents({ userId: "theirs" }), "NotFound", "USER_NOT_FOUND");
  const taken = await assertRefused(acme.createUser({ userId: "theirs" }), "AlreadyExists", "USER_ALREADY_EXISTS");
  assert.doesNotMatch(taken.message, /default/);
  await assertRefused(acme.createUser({ organizationId: "default" }), "PermissionDenied", "SCOPE_EXCEEDED");
  await assertRefused(acme.listUsers({ organizationId: "default" }), "PermissionDenied", "SCOPE_EXCEEDED");
  assert.deepEqual(
    (await acme.listUsers({})).users.map((user) => user.userId),
    ["ours"],
  );
  assert.equal((await acme.createUser({ userId: "new" })).details?.resourceOwner, "acme");
  await assertRefused(users.createUser({ organizationId: "nowhere" }), "NotFound", "ORGANIZATION_NOT_FOUND");
});

test("lists by filter, order and page", async (t) => {
  const clock = new TestClock();
  const { users } = await startService(t, { clock: () => clock.now });
  for (let i = 0; i < 25; i++) {
    clock.advance(1000);
    await users.createUser({ userId: `u${String(i).padStart(2, "0")}`, profile: { username: `Name${i}` } });
  }
  await users.lockUser({ userId: "u03", reasonCode: "ABUSE" });
  clock.advance(1000);
  await users.banUser({ userId: "u07" });
  const ids = async (request: Parameters<typeof users.listUsers>[0]) => {
    const all: string[] = [];
    let pageToken = "";
    do {
      const page = await users.listUsers({ ...request, pageToken });
      all.push(...page.users.map((user) => user.userId));
      pageToken = page.nextPageToken;
    } while (pageToken !== "");
    return all;
  };
  const everybody = Array.from({ length: 25 }, (_, i) => `u${String(i).padStart(2, "0")}`);
  assert.deepEqual(await ids({ pageSize: 10 }), everybody);
  assert.deepEqual(await ids({ pageSize: 7, order: 2 }), everybody.toReversed());
  assert.deepEqual((await ids({ order: 3 })).slice(0, 2), ["u07", "u03"]);
  assert.deepEqual(await ids({ states: [State.LOCKED, State.BANNED] }), ["u03", "u07"]);
  assert.deepEqual(await ids({ restrictionKinds: [RestrictionKind.BAN] }), ["u07"]);
  assert.deepEqual(await ids({ reasonCodes: ["ABUSE"] }), ["u03"]);
  assert.deepEqual(await ids({ userIdPrefix: "u1" }), everybody.slice(10, 20));
  assert.deepEqual(await ids({ search: " ＮＡＭＥ2" }), ["u02", "u20", "u21", "u22", "u23", "u24"]);
  clock.advance(HOUR_MS);
  assert.deepEqual(await ids({ states: [State.LOCKED] }), []);
  assert.equal((await ids({ states: [State.ACTIVE] })).length, 24);
});

test("of the roles only the owner erases; refusals name the permission that is missing", async (t) => {
  const { users, keys, url } = await startService(t);
  const answers: Record<string, string> = {};
  const said = (call: Promise<unknown>): Promise<string> =>
    call.then(
      () => "OK",
      () => refusalOf(call).then(({ reason, metadata }) => `${reason} ${metadata.permission}`),
    );
  const desks = [
    ...Object.keys(ROLES).map((role) => ({ name: role, role, permissions: [] })),
    { name: "user.delete alone", role: "", permissions: ["user.delete"] },
    { name: "both alone", role: "", permissions: ["user.delete", "events.redact"] },
  ];
  for (const { name, ...rights } of desks) {
    const userId = name.replace(/ /g, "-");
    await users.createUser({ userId, profile: { email: "a@example.com" } });
    const own = clientsOf(url, (await keys.createApiKey(rights)).secret);
    const redacted = await said(own.events.redactEvent({ userId, sequence: 1n }));
    const erased = await said(own.users.deleteUser({ userId, erase: true, validateOnly: true }));
    assert.equal(await said(own.users.deleteUser({ userId, erase: true })), erased);
    const { user } = await users.getUser({ userId, showDeleted: true });
    assert.equal(user?.state, erased === "OK" ? State.DELETED : State.ACTIVE, name);
    const deleted = erased === "OK" ? "" : await said(own.users.deleteUser({ userId }));
    answers[name] = [redacted, erased, deleted].join("; ");
  }
  const lacks = (permission: string): string => `PERMISSION_MISSING ${permission}`;
  const neither = `${lacks("events.redact")}; ${lacks("user.delete")}; ${lacks("user.delete")}`;
  const deletes = `${lacks("events.redact")}; ${lacks("events.redact")}; OK`;
  assert.deepEqual(answers, {
    owner: "OK; OK; ",
    operator: deletes,
    viewer: neither,
    login: neither,
    auditor: neither,
    "user.delete alone": deletes,
    "both alone": "OK; OK; ",
  });
  const { message } = await assertRefused(
    clientsOf(url, ADMIN_KEY).events.redactEvent({ userId: "u", sequence: 2n ** 64n - 1n }),
    "InvalidArgument",
    "FIELD_INVALID",
  );
  assert.match(
    message,
    /^sequence: 18446744073709551615 is not allowed; it must be the sequence of an event, at most /,
  );
});
