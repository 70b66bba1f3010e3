/** Lockout policies: management v1, admin v1 and settings v2 over ours, with the original's clients and errors. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { JsonObject, MessageInitShape } from "@bufbuild/protobuf";
import { createServerTransport } from "@zitadel/client/node";
import { createAdminServiceClient, createManagementServiceClient } from "@zitadel/client/v1";
import { createSettingsServiceClient, makeReqCtx } from "@zitadel/client/v2";
import { createClientTransport } from "@zitadel/client/web";
import { createAccessTokenInterceptor, createSettingsClient } from "@zitadel/node/dist/api/index.js";
import { ResourceOwnerType } from "@zitadel/proto/zitadel/settings/v2/settings_pb.js";
import type { PolicyValuesSchema } from "../../../../gen/lockkeeper/policy/v1/policy_service_pb.ts";
import { Factor } from "../../../../gen/lockkeeper/resource/v1/factor_pb.ts";
import { ADMIN_KEY, TestClock } from "../../../support/service.ts";
import { errorBody, type Lab, type RestCall, startLab } from "../support/lab.ts";

const TRANSPORTS = {
  gRPC: ({ url }: Lab) => createServerTransport(ADMIN_KEY, { baseUrl: url }),
  "gRPC-Web": ({ url }: Lab) => createClientTransport(ADMIN_KEY, { baseUrl: url }),
};

const CUSTOM = "/management/v1/policies/lockout";
const DEFAULT = "/management/v1/policies/default/lockout";

function limits(password: number, otp: number): JsonObject {
  return { maxPasswordAttempts: password, maxOtpAttempts: otp };
}

for (const [wire, transportOf] of Object.entries(TRANSPORTS)) {
  describe(`@zitadel/client over ${wire}`, () => {
    test("lockout policies: every method", async (t) => {
      const lab = await startLab(t);
      const transport = transportOf(lab);
      const [admin, management] = [createAdminServiceClient(transport), createManagementServiceClient(transport)];
      const settings = createSettingsServiceClient(transport);
      await lab.organizations.createOrganization({ organizationId: "acme" });
      const acme = { headers: { "x-zitadel-orgid": "acme" } };

      const builtIn = (await admin.getLockoutPolicy({})).policy;
      assert.deepEqual(
        [builtIn?.maxPasswordAttempts, builtIn?.maxOtpAttempts, builtIn?.isDefault, builtIn?.details?.sequence],
        [10n, 10n, true, 0n],
      );
      const { details } = await admin.updateLockoutPolicy({ maxPasswordAttempts: 7, maxOtpAttempts: 0 });
      assert.deepEqual([details?.sequence, details?.resourceOwner], [1n, ""]);
      const inherited = await management.getLockoutPolicy({}, acme);
      const { policy } = inherited;
      assert.deepEqual([inherited.isDefault, policy?.isDefault, policy?.details?.resourceOwner], [true, true, ""]);
      assert.deepEqual([policy?.maxPasswordAttempts, policy?.maxOtpAttempts], [7n, 0n]);

      const added = await management.addCustomLockoutPolicy({ maxPasswordAttempts: 3, maxOtpAttempts: 4 }, acme);
      assert.deepEqual([added.details?.sequence, added.details?.resourceOwner], [1n, "acme"]);
      const own = await management.getLockoutPolicy({}, acme);
      assert.deepEqual(
        [own.isDefault, own.policy?.isDefault, own.policy?.details?.resourceOwner],
        [false, false, "acme"],
      );
      assert.deepEqual([own.policy?.maxPasswordAttempts, own.policy?.maxOtpAttempts], [3n, 4n]);
      assert.equal((await management.getDefaultLockoutPolicy({}, acme)).policy?.maxPasswordAttempts, 7n);
      assert.equal((await management.getLockoutPolicy({})).isDefault, true, "of another organization");
      const updated = await management.updateCustomLockoutPolicy({ maxPasswordAttempts: 3, maxOtpAttempts: 5 }, acme);
      assert.equal(updated.details?.sequence, 2n);

      const shown = await settings.getLockoutSettings({ ctx: makeReqCtx("acme") });
      assert.equal(shown.settings?.maxOtpAttempts, 5n);
      assert.deepEqual(
        [shown.settings?.resourceOwnerType, shown.details?.sequence, shown.details?.resourceOwner],
        [ResourceOwnerType.ORG, 2n, "acme"],
      );
      for (const ctx of [makeReqCtx(undefined), makeReqCtx("default")]) {
        const { settings: common } = await settings.getLockoutSettings({ ctx });
        assert.deepEqual([common?.resourceOwnerType, common?.maxPasswordAttempts], [ResourceOwnerType.INSTANCE, 7n]);
      }
      assert.equal((await settings.getLockoutSettings({}, acme)).settings?.maxPasswordAttempts, 3n);
      assert.equal((await management.resetLockoutPolicyToDefault({}, acme)).details?.sequence, 3n);
      assert.equal((await management.getLockoutPolicy({}, acme)).isDefault, true);
    });
  });
}

test("@zitadel/node: the settings of v2beta", async (t) => {
  const lab = await startLab(t);
  const client = createSettingsClient(lab.url, createAccessTokenInterceptor(ADMIN_KEY));
  const { settings } = await client.getLockoutSettings({ ctx: { instance: true } });
  assert.deepEqual([settings?.maxPasswordAttempts.toString(), settings?.resourceOwnerType], ["10", 1]);
});

/** The service, with calls in the organization acme. */
async function startAcme(lab: Lab) {
  await lab.organizations.createOrganization({ organizationId: "acme" });
  const keyOf = async (role: string): Promise<string> =>
    (await lab.keys.createApiKey({ organizationId: "acme", role })).secret;
  return { owner: await keyOf("owner"), operator: await keyOf("operator"), login: await keyOf("login") };
}

describe("the policy of an organization", () => {
  test("is added, read, updated and reset at the original's paths, with its errors", async (t) => {
    const clock = new TestClock();
    const lab = await startLab(t, { clock: () => clock.now });
    const [day, later] = ["2026-01-01T00:00:00Z", "2026-01-01T00:00:01Z"];
    const details = (sequence: string, changeDate: string): JsonObject => ({
      sequence,
      creationDate: day,
      changeDate,
      resourceOwner: "default",
    });
    const missing = (id: string): JsonObject => errorBody(5, "Errors.Org.LockoutPolicy.NotFound", id);
    type Step = readonly [request: string, body: JsonObject | undefined, status: number, json: JsonObject];
    const steps: readonly Step[] = [
      [`PUT ${CUSTOM}`, limits(3, 4), 404, missing("ORG-ADfs1")],
      [`DELETE ${CUSTOM}`, undefined, 404, missing("ORG-D4zuz")],
      [
        `GET ${CUSTOM}`,
        undefined,
        200,
        { policy: { details: {}, maxPasswordAttempts: "10", maxOtpAttempts: "10", isDefault: true }, isDefault: true },
      ],
      [`POST ${CUSTOM}`, limits(10, 10), 200, { details: details("1", day) }],
      [`POST ${CUSTOM}`, limits(1, 1), 409, errorBody(6, "Errors.ORG.LockoutPolicy.AlreadyExists", "ORG-0olDf")],
      [`PUT ${CUSTOM}`, limits(10, 10), 400, errorBody(9, "Errors.Org.LockoutPolicy.NotChanged", "ORG-0JFSr")],
      [`PUT ${CUSTOM}`, { maxPasswordAttempts: 5 }, 200, { details: details("2", later) }],
      [`GET ${CUSTOM}`, undefined, 200, { policy: { details: details("2", later), maxPasswordAttempts: "5" } }],
      [
        `GET ${DEFAULT}`,
        undefined,
        200,
        { policy: { details: {}, maxPasswordAttempts: "10", maxOtpAttempts: "10", isDefault: true } },
      ],
      [
        "GET /v2/settings/lockout",
        undefined,
        200,
        {
          details: details("2", later),
          settings: { maxPasswordAttempts: "5", resourceOwnerType: "RESOURCE_OWNER_TYPE_ORG" },
        },
      ],
      [`DELETE ${CUSTOM}`, undefined, 200, { details: details("3", later) }],
      [`DELETE ${CUSTOM}`, undefined, 404, missing("ORG-D4zuz")],
    ];
    for (const [request, body, status, json] of steps) {
      if (status === 200 && request.startsWith("PUT")) clock.now = Date.UTC(2026, 0, 1) + 1000;
      const reply = await lab.rest(request, body === undefined ? {} : { body });
      assert.deepEqual([reply.status, reply.json], [status, json], `${request} ${JSON.stringify(body)}`);
    }
  });

  test("is added once by any number of simultaneous calls", async (t) => {
    const lab = await startLab(t);
    const replies = await Promise.all(
      Array.from({ length: 20 }, (_, index) => lab.rest(`POST ${CUSTOM}`, { body: limits(index, 1) })),
    );
    assert.deepEqual(replies.map(({ status }) => status).toSorted(), [200, ...Array.from({ length: 19 }, () => 409)]);
  });

  test("is custom if it sets either value, and a reset keeps the values that ZITADEL does not have", async (t) => {
    const lab = await startLab(t);
    const organizationId = "default";
    const set = (values: MessageInitShape<typeof PolicyValuesSchema>, ...paths: string[]) =>
      lab.policies.updatePolicy({ organizationId, values, updateMask: { paths } });
    await set(
      { permanentAfter: 3, limits: [{ factor: Factor.RECOVERY, attemptsMax: 1 }] },
      "permanent_after",
      "limits",
    );
    assert.equal((await lab.rest(`GET ${CUSTOM}`)).json.isDefault, true);
    for (const [factor, shown] of [
      [Factor.PASSWORD, ["2", "10"]],
      [Factor.OTP, ["10", "2"]],
    ] as const) {
      await set({ limits: [{ factor, attemptsMax: 2 }] }, "limits");
      const { json } = await lab.rest(`GET ${CUSTOM}`);
      assert.equal(json.isDefault, undefined);
      const { maxPasswordAttempts, maxOtpAttempts } = json.policy as JsonObject;
      assert.deepEqual([maxPasswordAttempts, maxOtpAttempts], shown);
      assert.equal((await lab.rest(`DELETE ${CUSTOM}`)).status, 200);
      const { policy } = await lab.policies.getPolicy({ organizationId });
      assert.deepEqual([policy?.values?.limits, policy?.values?.permanentAfter], [[], 3]);
    }
  });

  test("locks after its number of failures", async (t) => {
    const lab = await startLab(t);
    await lab.users.createUser({ userId: "alice" });
    await lab.rest(`POST ${CUSTOM}`, { body: limits(2, 0) });
    for (let failures = 1; failures <= 2; failures++) {
      await lab.signIns.recordFailure({
        subject: { subject: { case: "userId", value: "alice" } },
        factor: Factor.PASSWORD,
      });
    }
    const { user } = (await lab.rest("GET /v2/users/alice")).json as { readonly user: JsonObject };
    assert.equal(user.state, "USER_STATE_LOCKED");
  });

  test("allows at most 100 attempts, fewer than the original", async (t) => {
    const lab = await startLab(t);
    const text = "value must be less than or equal to 100";
    const cases: readonly (readonly [request: string, body: JsonObject, message: string])[] = [
      [`POST ${CUSTOM}`, limits(101, 1), `invalid AddCustomLockoutPolicyRequest.MaxPasswordAttempts: ${text}`],
      [`PUT ${CUSTOM}`, limits(1, 101), `invalid UpdateCustomLockoutPolicyRequest.MaxOtpAttempts: ${text}`],
      [
        "PUT /admin/v1/policies/password/lockout",
        limits(4_294_967_295, 1),
        `invalid UpdateLockoutPolicyRequest.MaxPasswordAttempts: ${text}`,
      ],
    ];
    for (const [request, body, message] of cases) {
      const reply = await lab.rest(request, { body });
      assert.deepEqual([reply.status, reply.json], [400, { code: 3, message }]);
    }
    assert.equal((await lab.rest(`POST ${CUSTOM}`, { body: limits(100, 100) })).status, 200);
  });
});

describe("the permission for lockout policies", () => {
  test("is checked before the body is read, for the organization of the call or the instance", async (t) => {
    const lab = await startLab(t);
    const keys = await startAcme(lab);
    const notPermitted = errorBody(7, "No matching permissions found", "AUTH-5mWD2");
    const noMembership = errorBody(5, "membership not found", "AUTHZ-cdgFk");
    const noOrganization = errorBody(7, "Organisation doesn't exist", "AUTH-Bs7Ds");
    const change = "PUT /admin/v1/policies/password/lockout";
    const body = limits(1, 1);
    const cases: readonly (readonly [request: string, call: RestCall, status: number, json?: JsonObject])[] = [
      [`GET ${CUSTOM}`, { key: keys.login }, 403, notPermitted],
      [`GET ${CUSTOM}`, { key: keys.operator }, 200],
      [`GET ${DEFAULT}`, { key: keys.operator }, 200],
      [`POST ${CUSTOM}`, { key: keys.operator, body }, 403, notPermitted],
      [`POST ${CUSTOM}`, { key: keys.owner, body }, 200],
      [`GET ${CUSTOM}`, { key: keys.owner, organization: "default" }, 404, noMembership],
      [`DELETE ${CUSTOM}`, { key: keys.operator }, 403, notPermitted],
      [`DELETE ${CUSTOM}`, { key: keys.owner }, 200],
      ["GET /admin/v1/policies/lockout", { key: keys.owner }, 403, notPermitted],
      [change, { key: keys.owner, body }, 403, notPermitted],
      [change, { body }, 200],
      [change, { body }, 400, errorBody(9, "Errors.Instance.LockoutPolicy.NotChanged", "INSTANCE-0psjF")],
      ["GET /v2/settings/lockout", { key: keys.login }, 403, notPermitted],
      ["GET /v2/settings/lockout?ctx.instance=true", { key: keys.operator }, 200],
      ["GET /v2beta/settings/lockout?ctx.orgId=acme", { key: keys.operator }, 200],
      ["GET /v2/settings/lockout?ctx.orgId=default", { key: keys.operator }, 404, noMembership],
      ["GET /v2/settings/lockout?ctx.orgId=nowhere", {}, 403, noOrganization],
      [`GET ${CUSTOM}`, { organization: "nowhere" }, 403, noOrganization],
      [
        "GET /v2/settings/lockout?ctx.instance=false",
        {},
        400,
        {
          code: 3,
          message:
            "invalid GetLockoutSettingsRequest.Ctx: embedded message failed validation | caused by: invalid RequestContext.Instance: value must equal true",
        },
      ],
    ];
    for (const [request, call, status, json] of cases) {
      const reply = await lab.rest(request, call);
      assert.equal(reply.status, status, `${request}: ${JSON.stringify(reply.json)}`);
      if (json !== undefined) assert.deepEqual(reply.json, json, request);
    }
  });
});
