/** Policies through real clients: inherited, set, cleared and reset; who may change them, and what is refused. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, test } from "node:test";
import { type MessageInitShape, toJson } from "@bufbuild/protobuf";
import {
  type Policy,
  type PolicyValues,
  PolicyValuesSchema,
} from "../../../gen/lockkeeper/policy/v1/policy_service_pb.ts";
import { Factor } from "../../../gen/lockkeeper/resource/v1/factor_pb.ts";
import { httpRequest } from "../../support/http-client.ts";
import { assertRefused } from "../../support/refusals.ts";
import { clientsOf, type Running, startService, temporaryFolder } from "../../support/service.ts";
import { attempt, fail, type Gate, limit, setPolicy, startGate } from "../support/sign-ins.ts";

const BUILT_IN = {
  limits: [
    { factor: "FACTOR_PASSWORD", attemptsMax: 10 },
    { factor: "FACTOR_OTP", attemptsMax: 10 },
    { factor: "FACTOR_PASSKEY", attemptsMax: 0 },
    { factor: "FACTOR_BACKUP_CODE", attemptsMax: 10 },
    { factor: "FACTOR_RECOVERY", attemptsMax: 10 },
  ],
  countingWindow: "3600s",
  lockDuration: "3600s",
  growthFactor: 1,
  lockDurationMax: "86400s",
  permanentAfter: 0,
  reservationTime: "30s",
  revokeSessions: false,
  resetOnSuccess: true,
  resetOnUnlock: true,
  concealUnknown: false,
};

function json(values: PolicyValues | undefined): unknown {
  assert.ok(values !== undefined);
  return toJson(PolicyValuesSchema, values);
}

async function read({ policies }: Pick<Running, "policies">, organizationId = ""): Promise<Policy> {
  const { policy } = await policies.getPolicy({ organizationId });
  assert.ok(policy !== undefined);
  return policy;
}

async function startWithOrganization(...[t, policy]: Parameters<typeof startGate>): Promise<Gate> {
  const gate = await startGate(t, policy);
  await gate.organizations.createOrganization({ organizationId: "acme" });
  return gate;
}

describe("a policy", () => {
  test("is built in, unless the instance sets it, unless the organization sets it", async (t) => {
    const gate = await startWithOrganization(t);
    const nothing = await read(gate, "acme");
    assert.deepEqual([nothing.organizationId, nothing.details, json(nothing.values)], ["acme", undefined, {}]);
    assert.deepEqual(json(nothing.effective), BUILT_IN);
    await setPolicy(gate, { limits: limit(7), growthFactor: 3, lockDuration: { seconds: 60n } });
    await setPolicy(gate, { limits: limit(4, Factor.OTP), growthFactor: 5 }, "acme");
    const own = await read(gate, "acme");
    assert.deepEqual(json(own.values), { limits: [{ factor: "FACTOR_OTP", attemptsMax: 4 }], growthFactor: 5 });
    const [password, otp, ...others] = BUILT_IN.limits;
    assert.deepEqual(json(own.effective), {
      ...BUILT_IN,
      limits: [{ ...password, attemptsMax: 7 }, { ...otp, attemptsMax: 4 }, ...others],
      growthFactor: 5,
      lockDuration: "60s",
    });
    assert.deepEqual(json((await read(gate, "default")).effective), {
      ...BUILT_IN,
      limits: [{ ...password, attemptsMax: 7 }, otp, ...others],
      growthFactor: 3,
      lockDuration: "60s",
    });
    assert.deepEqual([(await read(gate)).organizationId, own.details?.resourceOwner], ["", "acme"]);
  });

  test("holds in its organization from the next attempt on", async (t) => {
    const gate = await startWithOrganization(t);
    await gate.users.createUser({ userId: "zoe", organizationId: "acme" });
    await setPolicy(gate, { limits: limit(2) }, "acme");
    assert.equal((await fail(gate, 2, { userId: "zoe" })).locked, true);
    assert.equal((await fail(gate, 2)).locked, false);
    await setPolicy(gate, { limits: limit(3) });
    assert.equal((await attempt(gate, false)).locked, true);
  });

  test("changes by what the mask names: set, cleared, and left alone", async (t) => {
    const gate = await startWithOrganization(t);
    const update = async (values: MessageInitShape<typeof PolicyValuesSchema>, ...paths: string[]) =>
      json((await gate.policies.updatePolicy({ values, updateMask: { paths } })).policy?.values);
    const both = [...limit(5), ...limit(6, Factor.OTP)];
    assert.deepEqual(
      await update(
        { limits: both, permanentAfter: 3, concealUnknown: true },
        "limits",
        "permanent_after",
        "conceal_unknown",
      ),
      {
        limits: [
          { factor: "FACTOR_PASSWORD", attemptsMax: 5 },
          { factor: "FACTOR_OTP", attemptsMax: 6 },
        ],
        permanentAfter: 3,
        concealUnknown: true,
      },
    );
    assert.deepEqual(await update({ revokeSessions: false }, "revokeSessions", "concealUnknown"), {
      limits: [
        { factor: "FACTOR_PASSWORD", attemptsMax: 5 },
        { factor: "FACTOR_OTP", attemptsMax: 6 },
      ],
      permanentAfter: 3,
      revokeSessions: false,
    });
    assert.deepEqual(await update({ limits: limit(0) }, "limits", "permanent_after", "revoke_sessions"), {
      limits: [{ factor: "FACTOR_PASSWORD", attemptsMax: 0 }],
    });
    assert.deepEqual(await update({}, "limits"), {});
    assert.equal((await read(gate)).details?.sequence, 4n);
    assert.deepEqual(await update({}, "limits"), {});
    assert.equal((await read(gate)).details?.sequence, 4n, "nothing changed");
  });

  test("is reset as a whole, and resetting nothing is nothing", async (t) => {
    const gate = await startWithOrganization(t, { limits: limit(5) });
    await setPolicy(gate, { growthFactor: 4, permanentAfter: 9 }, "acme");
    const { policy } = await gate.policies.resetPolicy({ organizationId: "acme" });
    assert.deepEqual([json(policy?.values), policy?.details?.sequence], [{}, 2n]);
    assert.deepEqual([policy?.effective?.growthFactor, policy?.effective?.limits[0]?.attemptsMax], [1, 5]);
    assert.equal((await gate.policies.resetPolicy({ organizationId: "acme" })).policy?.details?.sequence, 2n);
    const stale = gate.policies.resetPolicy({ organizationId: "acme", expectedSequence: 1n });
    await assertRefused(stale, "Aborted", "SEQUENCE_MISMATCH");
    const { policy: untouched } = await gate.policies.resetPolicy({ organizationId: "default" });
    assert.equal(untouched?.details, undefined);
  });

  test("P19 P20 of two writers with one sequence one is refused; a repeated request answers the first success", async (t) => {
    const gate = await startWithOrganization(t);
    const change = (growthFactor: number, more: { readonly requestId?: string; readonly expectedSequence?: bigint }) =>
      gate.policies.updatePolicy({ values: { growthFactor }, updateMask: { paths: ["growth_factor"] }, ...more });
    const results = await Promise.allSettled([2, 3].map((growth) => change(growth, { expectedSequence: 0n })));
    assert.deepEqual(results.map(({ status }) => status).sort(), ["fulfilled", "rejected"]);
    const { metadata, message } = await assertRefused(
      change(4, { expectedSequence: 0n }),
      "Aborted",
      "SEQUENCE_MISMATCH",
    );
    assert.match(message, /^expected_sequence is 0, the policy of the instance is at \d+; /);
    assert.deepEqual([metadata.expectedSequence, metadata.sequence], ["0", "1"]);
    const once = await change(5, { requestId: "once", expectedSequence: 1n });
    await change(6, {});
    assert.deepEqual(await change(5, { requestId: "once", expectedSequence: 1n }), once);
    await assertRefused(change(7, { requestId: "once" }), "InvalidArgument", "REQUEST_ID_REUSED");
    assert.deepEqual([(await read(gate)).details?.sequence, (await read(gate)).effective?.growthFactor], [3n, 6]);
    const reset = await gate.policies.resetPolicy({ requestId: "reset" });
    await change(8, {});
    assert.deepEqual((await gate.policies.resetPolicy({ requestId: "reset" })).policy?.details, reset.policy?.details);
    assert.equal((await read(gate)).effective?.growthFactor, 8);
  });

  test("that is only tried out is answered and not stored", async (t) => {
    const gate = await startWithOrganization(t, { limits: limit(5) });
    const { policy } = await gate.policies.updatePolicy({
      values: { limits: limit(6) },
      updateMask: { paths: ["limits"] },
      validateOnly: true,
    });
    assert.deepEqual([policy?.effective?.limits[0]?.attemptsMax, policy?.details?.sequence], [6, 2n]);
    const { policy: reset } = await gate.policies.resetPolicy({ validateOnly: true });
    assert.equal(reset?.effective?.limits[0]?.attemptsMax, 10);
    assert.deepEqual(
      [(await read(gate)).effective?.limits[0]?.attemptsMax, (await read(gate)).details?.sequence],
      [5, 1n],
    );
  });

  test("outlives the process, and tells when it was made and changed", async (t) => {
    const path = join(await temporaryFolder(t), "a.db");
    const first = await startGate(t, { limits: limit(5) }, { path });
    await first.stop();
    const clock = first.clock;
    clock.advance(1_000);
    const gate = await startService(t, { path, clock: () => clock.now });
    await setPolicy(gate, { growthFactor: 2 });
    const { details, effective } = await read(gate);
    assert.deepEqual([effective?.limits[0]?.attemptsMax, details?.sequence], [5, 2n]);
    assert.equal(details?.changeDate?.seconds, BigInt(clock.now / 1000));
    assert.equal(details?.creationDate?.seconds, BigInt(clock.now / 1000 - 1));
  });
});

describe("policies", () => {
  test("are read and written within the caller's scope and permissions", async (t) => {
    const gate = await startWithOrganization(t);
    const of = async (role: string, organizationId?: string) => {
      const { secret } = await gate.keys.createApiKey({ role, ...(organizationId ? { organizationId } : {}) });
      return clientsOf(gate.url, secret);
    };
    const owner = await of("owner", "acme");
    await setPolicy(owner, { limits: limit(2) });
    assert.deepEqual([(await read(owner)).organizationId, (await read(gate, "acme")).details?.sequence], ["acme", 1n]);
    assert.equal((await read(gate)).details, undefined, "the instance's is not touched");
    for (const call of [
      () => owner.policies.getPolicy({ organizationId: "default" }),
      () => owner.policies.resetPolicy({ organizationId: "default" }),
      () => owner.policies.simulatePolicy({ organizationId: "default" }),
      () => setPolicy(owner, { growthFactor: 2 }, "default"),
    ]) {
      await assertRefused(call(), "PermissionDenied", "SCOPE_EXCEEDED");
    }
    const viewer = await of("viewer");
    await read(viewer, "acme");
    const login = await of("login");
    for (const call of [
      () => setPolicy(viewer, { growthFactor: 2 }),
      () => viewer.policies.resetPolicy({}),
      () => login.policies.getPolicy({}),
      () => login.policies.simulatePolicy({}),
    ]) {
      await assertRefused(call(), "PermissionDenied", "PERMISSION_MISSING");
    }
    for (const call of [
      () => gate.policies.getPolicy({ organizationId: "none" }),
      () => setPolicy(gate, { growthFactor: 2 }, "none"),
    ]) {
      await assertRefused(call(), "NotFound", "ORGANIZATION_NOT_FOUND");
    }
  });

  test("P12 refuse what cannot be, naming the field, and store nothing", async (t) => {
    const gate = await startWithOrganization(t);
    const seconds = (value: bigint, nanos = 0) => ({ seconds: value, nanos });
    const bad: readonly [field: string, values: MessageInitShape<typeof PolicyValuesSchema>, paths?: string[]][] = [
      ["values.limits[0].factor", { limits: limit(5, Factor.UNSPECIFIED) }],
      ["values.limits[0].factor", { limits: limit(5, 77 as Factor) }],
      ["values.limits[1]", { limits: [...limit(5), ...limit(6)] }],
      ["values.limits[0].attempts_max", { limits: limit(101) }],
      ["values.limits", { limits: Array.from({ length: 11 }, () => limit(1)).flat() }],
      ["values.counting_window", { countingWindow: seconds(0n) }],
      ["values.counting_window", { countingWindow: seconds(0n, 999_999_999) }],
      ["values.counting_window", { countingWindow: seconds(31_536_001n) }],
      ["values.lock_duration", { lockDuration: seconds(0n) }],
      ["values.lock_duration", { lockDuration: seconds(-3_600n) }],
      ["values.lock_duration", { lockDuration: seconds(315_360_000n, 1) }],
      ["values.lock_duration", { lockDuration: seconds(9_223_372_036_854_775_807n) }],
      ["values.lock_duration_max", { lockDurationMax: seconds(0n) }],
      ["values.lock_duration_max", { lockDuration: seconds(61n), lockDurationMax: seconds(60n) }],
      ["values.growth_factor", { growthFactor: 0.99 }],
      ["values.growth_factor", { growthFactor: 101 }],
      ["values", { growthFactor: Number.NaN }],
      ["values", { growthFactor: Number.POSITIVE_INFINITY }],
      ["values.permanent_after", { permanentAfter: 1_001 }],
      ["values.reservation_time", { reservationTime: seconds(601n) }],
      ["values.reservation_time", { reservationTime: seconds(0n) }],
      ["update_mask", { growthFactor: 2 }, ["growth_factor", "growth"]],
      ["update_mask", { growthFactor: 2 }, ["values.growth_factor"]],
      ["update_mask", { growthFactor: 2 }, [""]],
      ["values.growth_factor", { growthFactor: 2 }, ["limits"]],
      ["values.limits", { limits: limit(3), growthFactor: 2 }, ["growth_factor"]],
    ];
    for (const [field, values, paths = Object.keys(values)] of bad) {
      const call = gate.policies.updatePolicy({ values, updateMask: { paths } });
      const { fields, message } = await assertRefused(call, "InvalidArgument", "FIELD_INVALID");
      assert.equal(fields[0], field, message);
    }
    const idle = await assertRefused(gate.policies.updatePolicy({ values: {} }), "InvalidArgument", "FIELD_INVALID");
    assert.match(idle.message, /^update_mask: is absent, and no field has a value; allowed are limits, /);
    const { details, effective } = await read(gate);
    assert.deepEqual([details, json(effective)], [undefined, BUILT_IN]);
  });

  test("have the same refusal for a cap that an earlier change has set", async (t) => {
    const gate = await startWithOrganization(t, { lockDurationMax: { seconds: 60n } });
    const { fields } = await assertRefused(
      setPolicy(gate, { lockDuration: { seconds: 61n } }),
      "InvalidArgument",
      "FIELD_INVALID",
    );
    assert.deepEqual(fields, ["values.lock_duration_max"]);
    await setPolicy(gate, { lockDuration: { seconds: 60n } });
  });

  test("answer plain JSON as well", async (t) => {
    const { url } = await startWithOrganization(t);
    const call = async (method: string, path: string, body?: object) => {
      const request = body === undefined ? { method } : { method, body: JSON.stringify(body) };
      const { status, text } = await httpRequest(url, path, request);
      return { status, json: JSON.parse(text) as { readonly policy?: { readonly values?: unknown } } };
    };
    const body = { values: { growthFactor: 2, lockDuration: "90s" }, updateMask: "growthFactor,lockDuration" };
    for (const path of ["/v1/policy", "/v1/organizations/acme/policy"]) {
      const changed = await call("PATCH", path, body);
      assert.deepEqual([changed.status, changed.json.policy?.values], [200, body.values], path);
      assert.deepEqual((await call("GET", path)).json.policy?.values, body.values);
      assert.deepEqual((await call("POST", `${path}:reset`, {})).json.policy?.values, {});
    }
    const simulated = await call("POST", "/v1/policy:simulate", { values: { growthFactor: 3 } });
    assert.deepEqual(simulated, { status: 200, json: {} });
    assert.equal((await call("PATCH", "/v1/policy", { values: { growth: 2 }, updateMask: "growth" })).status, 400);
  });
});
