/** Events as callers see them: who started a change, and personal values only with user.read. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Initiator } from "../../../../gen/lockkeeper/event/v1/event_pb.ts";
import { Factor } from "../../../../gen/lockkeeper/resource/v1/factor_pb.ts";
import { RestrictionKind } from "../../../../gen/lockkeeper/resource/v1/restriction_pb.ts";
import { clientsOf, startService, TestClock } from "../../../support/service.ts";

const NOTE = "called three times";
const EMAIL = "ann@example.com";

test("an event has personal values only for callers with user.read, and names those that it withholds", async (t) => {
  const { users, keys, url } = await startService(t);
  await users.createUser({
    userId: "ann",
    profile: { email: EMAIL, locale: "de" },
    attributes: { crm: { vip: true } },
  });
  await users.banUser({ userId: "ann", note: NOTE });
  await users.unbanUser({ userId: "ann" });
  const { secret } = await keys.createApiKey({ role: "auditor" });
  const [withheld, shown] = [
    (await clientsOf(url, secret).users.listUserEvents({ userId: "ann" })).events,
    (await users.listUserEvents({ userId: "ann" })).events,
  ];
  assert.deepEqual(
    withheld.map((event) => event.withheldFields),
    [[], ["note"], ["attributes.crm", "profile.email"]],
  );
  assert.deepEqual(
    shown.map((event) => event.withheldFields),
    [[], [], []],
  );
  const json = JSON.stringify(withheld, (_name, value: unknown) => (typeof value === "bigint" ? `${value}` : value));
  for (const personal of [NOTE, EMAIL, "vip"]) assert.ok(!json.includes(personal), personal);
  const [, ban, creation] = withheld.map(({ payload }) => payload);
  assert.ok(creation?.case === "userCreated" && ban?.case === "userBanned");
  assert.deepEqual(creation.value.change?.setFields, ["attributes.crm", "profile.email", "profile.locale"]);
  assert.equal(creation.value.change.profile?.locale, "de");
  assert.equal(ban.value.restriction?.note, "");
  const [, shownBan, shownCreation] = shown;
  assert.equal(shownBan?.note, NOTE);
  assert.ok(shownCreation?.payload.case === "userCreated");
  assert.equal(shownCreation.payload.value.change?.profile?.email, EMAIL);
});

test("the notes of imported restrictions are withheld by the id of each restriction", async (t) => {
  const { users, keys, url } = await startService(t);
  const { secret } = await keys.createApiKey({ role: "auditor" });
  await users.importUsers({ users: [{ userId: "ann", restrictions: [{ kind: RestrictionKind.BAN, note: NOTE }] }] });
  const [imported] = (await clientsOf(url, secret).users.listUserEvents({ userId: "ann" })).events;
  assert.ok(imported?.payload.case === "userImported");
  const [restriction] = imported.payload.value.restrictions;
  assert.deepEqual([imported.withheldFields, restriction?.note], [[`note.${restriction?.restrictionId}`], ""]);
});

test("a session that ends because the person signed out names the person", async (t) => {
  const { users, sessions } = await startService(t);
  await users.createUser({ userId: "ann" });
  const { session } = await sessions.createSession({ userId: "ann" });
  await sessions.revokeSession({ sessionId: session?.sessionId ?? "", byPerson: true });
  const [event] = (await users.listUserEvents({ userId: "ann", pageSize: 1 })).events;
  assert.deepEqual([event?.payload.case, event?.initiator], ["sessionRevoked", Initiator.PERSON]);
});

test("an event says who started it: a caller, a policy, or the service", async (t) => {
  const clock = new TestClock();
  const { users, signIns, policies } = await startService(t, { clock: () => clock.now });
  await users.createUser({ userId: "ann" });
  await policies.updatePolicy({
    values: { limits: [{ factor: Factor.PASSWORD, attemptsMax: 1 }], lockDuration: { seconds: 1n } },
  });
  await signIns.recordFailure({ subject: { subject: { case: "userId", value: "ann" } }, factor: Factor.PASSWORD });
  clock.advance(1_000);
  await users.lockUser({ userId: "ann" });
  const { events } = await users.listUserEvents({ userId: "ann" });
  assert.deepEqual(
    events.map(({ payload, initiator }) => [payload.case, initiator]),
    [
      ["userLocked", Initiator.ADMIN],
      ["restrictionExpired", Initiator.SYSTEM],
      ["userLocked", Initiator.POLICY],
      ["userCreated", Initiator.ADMIN],
    ],
  );
});
