/** Each system's exports, as they are: who the users are, and that their flags arrive as states. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { timestampDate } from "@bufbuild/protobuf/wkt";
import { Cause, RestrictionKind } from "../../../../gen/lockkeeper/resource/v1/restriction_pb.ts";
import { State, type User } from "../../../../gen/lockkeeper/user/v1/user_pb.ts";
import { httpRequest } from "../../../support/http-client.ts";
import { type Running, startService, temporaryFolder } from "../../../support/service.ts";
import { cliOf } from "../../support/cli.ts";
import { copyOf, importJson } from "../../support/imports.ts";

const EXPORTS = join(import.meta.dirname, "support/exports");

async function userOf({ users }: Running, userId: string): Promise<User> {
  const { user } = await users.getUser({ userId });
  assert.ok(user !== undefined);
  return user;
}

/** Kind, cause, reason, actor and, where there is an end, the seconds from start to end. */
function restrictionsOf({ restrictions }: User): unknown[] {
  return restrictions.map(({ kind, cause, reasonCode, actor, startTime, expireTime }) => [
    kind,
    cause,
    reasonCode,
    actor,
    expireTime === undefined ? null : Number(expireTime.seconds - (startTime?.seconds ?? 0n)),
  ]);
}

const { LOCK, BAN, DEACTIVATION } = RestrictionKind;

test("Clerk: the dashboard's CSV, flags, the Backend API's objects; the dialect knows them again", async (t) => {
  const service = await startService(t, { config: { dialects: ["clerk"] } });
  const folder = await temporaryFolder(t);
  const run = (name: string) => importJson(service.url, copyOf(join(EXPORTS, name), folder), "--from", "clerk");
  const [csv, flags, json] = [await run("clerk.csv"), await run("clerk-flags.csv"), await run("clerk.json")];
  assert.deepEqual([csv.created, csv.withSecrets, csv.failed], [3, 2, 0]);
  assert.deepEqual([flags.created, flags.failed], [4, 1]);
  assert.deepEqual([json.created, json.failed], [3, 1]);

  const jane = await userOf(service, "user_2YDryYFVMM1W1plDDKz7Gzf4we6");
  assert.deepEqual(
    [jane.profile?.email, jane.profile?.emailVerified, jane.profile?.givenName, jane.profile?.familyName],
    ["jane.doe@test.com", true, "Jane", "Doe"],
  );
  const john = await userOf(service, "user_2ZZCgLE7kJG2CRBxTZ6YUIvzS10");
  assert.deepEqual([john.profile?.emailVerified, john.profile?.phone], [false, "+15551234567"]);
  assert.doesNotMatch(JSON.stringify([jane.attributes, john.attributes]), /\$2b|JBSWY/);

  const banned = await userOf(service, "user_banned");
  assert.equal(banned.state, State.BANNED);
  assert.deepEqual(restrictionsOf(banned), [[BAN, Cause.ADMIN, "IMPORTED", "imported:clerk", null]]);
  assert.equal(timestampDate(banned.details?.creationDate ?? assert.fail()).toISOString(), "2024-02-29T10:00:00.000Z");
  assert.deepEqual(
    [banned.profile?.externalId, banned.attributes["clerk.public_metadata"]],
    ["crm-1", { plan: "pro" }],
  );
  assert.deepEqual(restrictionsOf(await userOf(service, "user_locked")), [
    [LOCK, Cause.ADMIN, "IMPORTED", "imported:clerk", 3600],
  ]);
  assert.deepEqual(restrictionsOf(await userOf(service, "user_locked_for_good")), [
    [LOCK, Cause.ADMIN, "IMPORTED", "imported:clerk", null],
  ]);
  // A lock that had no time left is over; the other flags apply together.
  const gone = restrictionsOf(await userOf(service, "user_gone"));
  assert.deepEqual(gone, [
    [BAN, Cause.ADMIN, "IMPORTED", "imported:clerk", null],
    [DEACTIVATION, Cause.DIRECTORY, "IMPORTED", "imported:clerk", null],
  ]);

  const ann = await userOf(service, "user_1");
  assert.equal(ann.state, State.LOCKED);
  assert.deepEqual(
    [ann.profile?.email, ann.profile?.emailVerified, ann.profile?.locale],
    ["ann@example.com", true, "de-CH"],
  );
  assert.equal((await userOf(service, "user_2")).state, State.BANNED);
  const shown = JSON.parse((await httpRequest(service.url, "/clerk/v1/users/user_1")).text);
  assert.deepEqual(
    shown.email_addresses.map((each: { email_address: string; verification: { status: string } | null }) => [
      each.email_address,
      each.verification?.status,
    ]),
    [
      ["old@example.com", undefined],
      ["ann@example.com", "verified"],
    ],
  );
  assert.deepEqual([shown.locked, shown.password_enabled, shown.created_at], [true, true, 1706700000000]);
});

test("Auth0: NDJSON and CSV of its bulk export", async (t) => {
  const service = await startService(t);
  const folder = await temporaryFolder(t);
  const run = (name: string, as = name) =>
    importJson(service.url, copyOf(join(EXPORTS, name), folder, as), "--from", "auth0");
  // Its name says JSON, but there is an object a line.
  const ndjson = await run("auth0.ndjson", "tenant.json");
  assert.deepEqual([ndjson.created, ndjson.failed, ndjson.withSecrets], [2, 1, 1]);
  const csv = await run("auth0.csv");
  assert.deepEqual([csv.created, csv.failed], [2, 0]);

  const james = await userOf(service, "auth0|o7p6ycr4a2slqavaxaxrjm");
  assert.equal(james.state, State.ACTIVE);
  assert.deepEqual(
    [james.profile?.username, james.profile?.displayName, james.profile?.phone, james.profile?.emailVerified],
    ["james", "James Smith", "+14574311731", true],
  );
  const { attributes } = james;
  assert.deepEqual(attributes["auth0.app_metadata"], { roles: ["user"], subscription: "pro" });
  assert.deepEqual(attributes.auth0, {
    nickname: "jim",
    identities: [
      {
        connection: "Username-Password-Authentication",
        provider: "auth0",
        user_id: "o7p6ycr4a2slqavaxaxrjm",
        isSocial: false,
      },
    ],
  });
  const liam = await userOf(service, "github|22182844");
  assert.equal(liam.state, State.BANNED);
  assert.deepEqual(restrictionsOf(liam), [[BAN, Cause.ADMIN, "IMPORTED", "imported:auth0", null]]);
  assert.doesNotMatch(JSON.stringify(liam.attributes), /\$2b/);

  // Each text of a CSV comes behind a quote mark that is none of it.
  const ann = await userOf(service, "auth0|1");
  assert.deepEqual(
    [ann.state, ann.profile?.displayName, ann.profile?.emailVerified, ann.attributes],
    [State.BANNED, 'Ann "Lee"', true, { "auth0.user_metadata": { country: "CH" } }],
  );
  assert.deepEqual((await userOf(service, "auth0|2")).attributes.auth0, { nickname: "bobby" });
});

test("ZITADEL: ExportData and the lists of users; organizations one by one", async (t) => {
  const service = await startService(t);
  const folder = await temporaryFolder(t);
  const run = (name: string, ...flags: string[]) =>
    importJson(service.url, copyOf(join(EXPORTS, name), folder), "--from", "zitadel", ...flags);
  const one = await run("zitadel-export.json", "--from-organization", "104133391254874632");
  assert.deepEqual([one.created, one.passedOver, one.failed, one.withSecrets], [5, 2, 1, 1]);

  const runner = await userOf(service, "104133391271651848");
  assert.deepEqual(
    [runner.state, runner.profile?.username, runner.profile?.displayName, runner.profile?.emailVerified],
    [State.ACTIVE, "rail.runner", "Rail Runner", true],
  );
  assert.deepEqual(runner.attributes["zitadel.human"], {
    nickName: "rr",
    gender: "DIVERSE",
    isPhoneVerified: true,
    hasPassword: true,
    identities: [{ providerId: "1", userId: "road@idp", userName: "road" }],
  });
  assert.deepEqual(restrictionsOf(await userOf(service, "104133391271651849")), [
    [LOCK, Cause.ADMIN, "IMPORTED", "imported:zitadel", null],
  ]);
  assert.equal((await userOf(service, "104133391271651850")).state, State.INACTIVE);
  assert.deepEqual((await userOf(service, "104133391271651851")).attributes, { "zitadel.initial": {} });
  assert.deepEqual((await userOf(service, "104133391271651860")).attributes["zitadel.machine"], {
    name: "Robot",
    description: "builds",
    accessTokenType: "JWT",
  });

  // Without a choice the first organization is imported, and the others are reported, not mixed in.
  const list = copyOf(join(EXPORTS, "zitadel-list.json"), folder);
  const { code, stdout, stderr } = await cliOf(service.url)(["users", "import", list, "--from", "zitadel"]);
  assert.equal(code, 4, stderr);
  assert.match(stdout, /^3 rows read.*\n {2}2 created\n {2}1 failed\n$/);
  assert.match(stderr, /^line 40: is of organization "2041.*--from-organization\n$/m);
  const listed = await userOf(service, "1");
  assert.equal(listed.state, State.LOCKED);
  assert.equal(timestampDate(listed.details?.creationDate ?? assert.fail()).toISOString(), "2024-01-31T10:00:00.123Z");
  assert.equal(listed.profile?.locale, undefined);
  assert.equal((await userOf(service, "2")).state, State.INACTIVE);
});
