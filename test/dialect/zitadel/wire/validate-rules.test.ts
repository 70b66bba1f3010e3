/** The rules of ZITADEL's descriptors, in its validator's own words. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { create, type DescMessage, type MessageInitShape } from "@bufbuild/protobuf";
import { ListEventsRequestSchema } from "@zitadel/proto/zitadel/admin_pb.js";
import * as v1 from "@zitadel/proto/zitadel/management_pb.js";
import { CreateSessionRequestSchema } from "@zitadel/proto/zitadel/session/v2/session_service_pb.js";
import type { UserState } from "@zitadel/proto/zitadel/user/v2/user_pb.js";
import * as v2 from "@zitadel/proto/zitadel/user/v2/user_service_pb.js";
import { emailFault } from "../../../../src/dialect/zitadel/wire/email-address.ts";
import { findViolation } from "../../../../src/dialect/zitadel/wire/validate-rules.ts";

function violation<D extends DescMessage>(desc: D, init: MessageInitShape<D>): string | undefined {
  return findViolation(desc, create(desc, init));
}

const human = { userName: "ann", profile: { firstName: "Ann", lastName: "Lee" }, email: { email: "ann@example.com" } };
const embedded = "embedded message failed validation | caused by: invalid";

describe("findViolation", () => {
  test("counts the characters of an id, not its bytes", () => {
    const between = "invalid LockUserRequest.Id: value length must be between 1 and 200 runes, inclusive";
    assert.equal(violation(v1.LockUserRequestSchema, {}), between);
    assert.equal(violation(v1.LockUserRequestSchema, { id: "😀".repeat(200) }), undefined);
    assert.equal(violation(v1.LockUserRequestSchema, { id: "😀".repeat(201) }), between);
    assert.equal(violation(v2.LockUserRequestSchema, {}), between.replace(".Id", ".UserId"));
  });

  test("names nested messages and list items, and their faults", () => {
    const schema = v1.AddHumanUserRequestSchema;
    assert.equal(violation(schema, human), undefined);
    assert.equal(violation(schema, { userName: "ann" }), "invalid AddHumanUserRequest.Profile: value is required");
    assert.equal(
      violation(schema, { ...human, profile: { lastName: "Lee" } }),
      `invalid AddHumanUserRequest.Profile: ${embedded} AddHumanUserRequest_Profile.FirstName: value length must be between 1 and 200 runes, inclusive`,
    );
    assert.equal(
      violation(schema, { ...human, phone: { phone: "12" } }),
      `invalid AddHumanUserRequest.Phone: ${embedded} AddHumanUserRequest_Phone.Phone: value does not have prefix "+"`,
    );
    assert.equal(
      violation(schema, { ...human, email: { email: "ann.example.com" } }),
      `invalid AddHumanUserRequest.Email: ${embedded} AddHumanUserRequest_Email.Email: value must be a valid email address | caused by: mail: missing '@' or angle-addr`,
    );
  });

  test("counts the items of a list", () => {
    const listOf = (count: number) => ({ eventTypes: Array.from({ length: count }, () => "user.locked") });
    assert.equal(violation(ListEventsRequestSchema, listOf(30)), undefined);
    assert.equal(
      violation(ListEventsRequestSchema, listOf(31)),
      "invalid ListEventsRequest.EventTypes: value must contain no more than 30 item(s)",
    );
  });

  test("requires positive durations, and enum values other than unspecified", () => {
    const schema = CreateSessionRequestSchema;
    const cases = [
      [0n, 0, "value must be greater than 0s"],
      [-1n, 0, "value must be greater than 0s"],
      [0n, -1, "value must be greater than 0s"],
      [1n, -1, "value is not a valid duration"],
      [0n, 1_000_000_000, "value is not a valid duration"],
    ] as const;
    for (const [seconds, nanos, reason] of cases) {
      const expected = `invalid CreateSessionRequest.Lifetime: ${reason}`;
      assert.equal(violation(schema, { lifetime: { seconds, nanos } }), expected);
    }
    for (const lifetime of [undefined, { seconds: 0n, nanos: 1 }, { seconds: 1n, nanos: 0 }]) {
      assert.equal(violation(schema, lifetime === undefined ? {} : { lifetime }), undefined);
    }
    const silent = violation(schema, { challenges: { webAuthN: { domain: "example.com" } } });
    assert.match(silent ?? "", /WebAuthN\.UserVerificationRequirement: value must not be in list \[0\]$/);
  });

  test("requires a member of a oneof at any depth, and a value that the enum defines", () => {
    const schema = v1.ListUsersRequestSchema;
    assert.equal(
      violation(schema, { queries: [{ query: { case: "orQuery", value: { queries: [{}] } } }] }),
      `invalid ListUsersRequest.Queries[0]: ${embedded} SearchQuery.OrQuery: ${embedded} OrQuery.Queries[0]: ${embedded} SearchQuery.Query: value is required`,
    );
    assert.equal(
      violation(v2.ListUsersRequestSchema, {
        queries: [{ query: { case: "stateQuery", value: { state: 77 as UserState } } }],
      }),
      `invalid ListUsersRequest.Queries[0]: ${embedded} SearchQuery.StateQuery: ${embedded} StateQuery.State: value must be one of the defined enum values`,
    );
    assert.equal(
      violation(v2.CreateUserRequestSchema, { organizationId: "default" }),
      "invalid CreateUserRequest.UserType: value is required",
    );
  });

  test("checks optional fields only if they are set, and the limits of bytes and flags", () => {
    const schema = v2.AddHumanUserRequestSchema;
    const user = { profile: { givenName: "Ann", familyName: "Lee" }, email: { email: "ann@example.com" } };
    assert.equal(violation(schema, user), undefined);
    assert.equal(
      violation(schema, { ...user, userId: "" }),
      "invalid AddHumanUserRequest.UserId: value length must be between 1 and 200 runes, inclusive",
    );
    assert.equal(
      violation(schema, { ...user, metadata: [{ key: "k" }] }),
      `invalid AddHumanUserRequest.Metadata[0]: ${embedded} SetMetadataEntry.Value: value length must be between 1 and 500000 bytes, inclusive`,
    );
    assert.equal(
      violation(schema, { ...user, phone: { phone: "+41", verification: { case: "isVerified", value: false } } }),
      `invalid AddHumanUserRequest.Phone: ${embedded} SetHumanPhone.IsVerified: value must equal true`,
    );
  });
});

test("emailFault accepts addresses and names the fault of other texts", () => {
  const long = "x".repeat(65);
  for (const good of ["a@b", "a.b+c@example.com", "ü@example.com", "a@example.com.", `${long.slice(1)}@b`]) {
    assert.equal(emailFault(good), undefined, good);
  }
  for (const [bad, cause] of [
    ["", /no address/],
    ["a", /missing '@'/],
    ["@b", /angle-addr/],
    ["a..b@c", /angle-addr/],
    ["a b@c", /angle-addr/],
    ["a\u0007@c", /angle-addr/],
    [`${long}@b`, /local phrase cannot exceed 64/],
    [`a@${`${"x".repeat(60)}.`.repeat(5)}`, /cannot exceed 254/],
    ["a@", /hostname part must be non-empty/],
    [`a@${"x".repeat(64)}`, /hostname part must be non-empty and cannot exceed 63/],
    ["a@-b", /begin with hyphens/],
    ["a@b-", /end with hyphens/],
    ["a@b_c", /alphanumeric characters or hyphens, got "_"/],
  ] as const) {
    assert.match(emailFault(bad) ?? "fine", cause, bad);
  }
});
