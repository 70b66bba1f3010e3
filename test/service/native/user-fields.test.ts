/** Users through real clients: an update changes what its mask names, and each wrong field is named. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { Cause } from "../../../gen/lockkeeper/resource/v1/restriction_pb.ts";
import { State } from "../../../gen/lockkeeper/user/v1/user_pb.ts";
import { assertRefused } from "../../support/refusals.ts";
import { startService } from "../../support/service.ts";

test("updates what the mask names and nothing else", async (t) => {
  const { users } = await startService(t);
  await users.createUser({
    userId: "u1",
    profile: { username: "alice", email: "a@example.com", locale: "de-CH" },
    attributes: { billing: { plan: "free" }, crm: { id: 7 } },
  });
  const { user } = await users.updateUser({
    userId: "u1",
    profile: { username: "alicia", emailVerified: true },
    attributes: { billing: { plan: "paid" } },
    updateMask: { paths: ["profile.username", "profile.email", "profile.email_verified", "attributes.billing"] },
  });
  assert.equal(user?.profile?.username, "alicia");
  assert.equal(user.profile.email, undefined);
  assert.equal(user.profile.emailVerified, true);
  assert.equal(user.profile.locale, "de-CH");
  assert.deepEqual(user.attributes, { billing: { plan: "paid" }, crm: { id: 7 } });
  const again = await users.updateUser({
    userId: "u1",
    profile: { username: "alicia" },
    updateMask: { paths: ["profile.username"] },
  });
  assert.equal(again.details?.sequence, 2n);
  for (const paths of [[], ["profile.nick"], ["user_id"], ["attributes."]]) {
    await assertRefused(users.updateUser({ userId: "u1", updateMask: { paths } }), "InvalidArgument", "FIELD_INVALID");
  }
  const stray = users.updateUser({
    userId: "u1",
    profile: { email: "b@example.com" },
    updateMask: { paths: ["profile.username"] },
  });
  assert.deepEqual((await assertRefused(stray, "InvalidArgument", "FIELD_INVALID")).fields, ["profile.email"]);
});

test("every field at fault is named with what was received and what is allowed", async (t) => {
  const { users, sessions, signIns } = await startService(t);
  await users.createUser({ userId: "u1" });
  const past = timestampFromMs(Date.now() - 3_600_000);
  const rows: [() => Promise<unknown>, string, RegExp][] = [
    [() => users.lockUser({}), "user_id", /"" is not allowed/],
    [() => users.lockUser({ userId: "x".repeat(201) }), "user_id", /200/],
    [
      () => users.lockUser({ userId: "u1", reasonCode: "not a code" }),
      "reason_code",
      /"not a code" is not allowed; it must be capital letters, digits and underscores, .* such as SPAM_REPORT$/,
    ],
    [() => users.lockUser({ userId: "u1", note: "s3cret".repeat(200) }), "note", /a text of 1200 characters/],
    [() => users.lockUser({ userId: "u1", requestId: "a b" }), "request_id", /"a b"/],
    [() => users.lockUser({ userId: "u1", note: "a\0b" }), "note", /U\+0000/],
    [() => users.lockUser({ userId: "u1", expiry: { case: "never", value: false } }), "never", /false/],
    [
      () => users.lockUser({ userId: "u1", expiry: { case: "duration", value: { seconds: 0n, nanos: 0 } } }),
      "duration",
      /0s/,
    ],
    [
      () => users.lockUser({ userId: "u1", expiry: { case: "duration", value: { seconds: -60n, nanos: 0 } } }),
      "duration",
      /0s/,
    ],
    [
      () => users.lockUser({ userId: "u1", expiry: { case: "duration", value: { seconds: 1n << 60n, nanos: 0 } } }),
      "duration",
      /1152921504606846976/,
    ],
    [
      () => users.lockUser({ userId: "u1", expiry: { case: "expireTime", value: past } }),
      "expire_time",
      /later than the start|in the past/,
    ],
    [
      () => users.lockUser({ userId: "u1", expiry: { case: "expireTime", value: { seconds: 1n << 61n, nanos: 0 } } }),
      "expire_time",
      /9999/,
    ],
    [() => users.lockUser({ userId: "u1", startTime: past }), "start_time", /lies in the past/],
    // Neither has a JSON form to remember the request by.
    [() => users.lockUser({ userId: "u1", requestId: "r", startTime: { seconds: 1n << 61n } }), "start_time", /9999/],
    [
      () => users.lockUser({ userId: "u1", requestId: "r", startTime: { seconds: -(1n << 36n) } }),
      "start_time",
      /0001/,
    ],
    [() => users.createUser({ userId: "e\u0301" }), "user_id", /normal form C/],
    [() => users.createUser({ userId: " u" }), "user_id", /space/],
    [() => users.createUser({ userId: ".." }), "user_id", /path segment/],
    [() => users.createUser({ userId: "a\u0007" }), "user_id", /control/],
    [() => users.createUser({ attributes: { "Not Allowed": {} } }), "attributes", /Not Allowed/],
    [() => users.createUser({ profile: { locale: "de_CH" } }), "profile.locale", /"de_CH"/],
    [
      () => users.deactivateUser({ userId: "u1", cause: Cause.POLICY }),
      "cause",
      /CAUSE_POLICY is not allowed; it must be one of CAUSE_ADMIN, CAUSE_DIRECTORY$/,
    ],
    [() => users.listUsers({ pageSize: -1 }), "page_size", /-1/],
    [
      () => users.lockUser({ userId: "u1", expectedSequence: 18446744073709551615n }),
      "expected_sequence",
      /18446744073709551615 is not allowed; .* at most 9007199254740991$/,
    ],
    [() => users.listUsers({ search: "" }), "search", /at least 1 character$/],
    [
      () => users.listUsers({ search: " \u3000" }),
      "search",
      /^search: a text of 2 spaces is not allowed; leave it out to see all/,
    ],
    [() => users.listUsers({ search: " " }), "search", /a text of 1 space is/],
    [() => users.listUsers({ userIdPrefix: "" }), "user_id_prefix", /at least 1 character/],
    [() => users.listUsers({ reasonCodes: [""] }), "reason_codes[0]", /at least 1 character/],
    [() => sessions.listSessions({ userId: "" }), "user_id", /at least 1 character/],
    [() => signIns.listAttempts({ userId: "" }), "user_id", /at least 1 character/],
    [() => signIns.listAttempts({ network: "" }), "network", /at least 1 character/],
    [() => users.listUsers({ pageToken: "not-a-token" }), "page_token", /earlier page/],
    [() => users.listUsers({ states: [State.DELETED] }), "states", /show_deleted/],
    [() => users.listUsers({ states: [State.UNSPECIFIED] }), "states[0]", /0/],
    [() => users.updateUser({ userId: "u1" }), "update_mask", /is absent, and no field has a value/],
  ];
  for (const [call, field, message] of rows) {
    const refused = await assertRefused(call(), "InvalidArgument", "FIELD_INVALID");
    assert.ok(
      refused.fields.some((name) => name.startsWith(field)),
      `${field}: ${refused.fields.join()}: ${refused.message}`,
    );
    assert.match(refused.message, message);
    assert.doesNotMatch(refused.message, /s3cret/);
  }
});
