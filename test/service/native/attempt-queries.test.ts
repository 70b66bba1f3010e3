/** ListAttempts through real clients: what it shows, who sees it, and what it refuses. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { Factor } from "../../../gen/lockkeeper/resource/v1/factor_pb.ts";
import { AttemptOutcome } from "../../../gen/lockkeeper/signin/v1/sign_in_service_pb.ts";
import { assertRefused } from "../../support/refusals.ts";
import { ADMIN_KEY, clientsOf, startService, TestClock } from "../../support/service.ts";

const PASSWORD = Factor.PASSWORD;

test("recorded attempts are shown whole, the newest first, by user, network, time and outcome", async (t) => {
  const clock = new TestClock();
  const { users, signIns, policies, url } = await startService(t, { clock: () => clock.now });
  await policies.updatePolicy({ values: { concealUnknown: true }, updateMask: { paths: ["conceal_unknown"] } });
  await users.createUser({ userId: "alice" });
  const client = { ip: "192.0.2.7", userAgent: "Browser" };
  const attemptId = "7d8f2f0e-3c55-4c4b-9d58-2a0a4a5b1c01";
  const start = clock.now;
  await signIns.beginAttempt({
    attemptId,
    subject: { subject: { case: "userId", value: "alice" } },
    factor: PASSWORD,
    client,
  });
  clock.advance(10);
  await signIns.completeAttempt({ attemptId, outcome: AttemptOutcome.SUCCEEDED });
  const nobody = { subject: { case: "identifier", value: "nobody" } } as const;
  await signIns.recordFailure({ subject: nobody, factor: PASSWORD, client: { ip: "2001:db8::1" } });

  const { attempts } = await signIns.listAttempts({});
  assert.deepEqual(
    attempts.map(({ userId, outcome }) => [userId, outcome]),
    [
      ["", AttemptOutcome.FAILED],
      ["alice", AttemptOutcome.SUCCEEDED],
    ],
  );
  const { $typeName: _, client: from, createdBy, ...whole } = attempts[1] ?? assert.fail();
  assert.deepEqual([from?.ip, from?.userAgent], ["192.0.2.7", "Browser"]);
  assert.match(createdBy, /^key:/);
  const times = { beginTime: timestampFromMs(start), settleTime: timestampFromMs(start + 10) };
  const { expireTime, ...rest } = whole;
  assert.ok(expireTime !== undefined);
  assert.deepEqual(rest, {
    attemptId,
    userId: "alice",
    organizationId: "default",
    factor: PASSWORD,
    outcome: AttemptOutcome.SUCCEEDED,
    ...times,
  });

  const count = async (query: string): Promise<number | string> => {
    const answer = await fetch(`${url}/v1/attempts?${query}`, { headers: { authorization: `Bearer ${ADMIN_KEY}` } });
    const body = (await answer.json()) as { attempts?: object[]; message?: string };
    return answer.ok ? (body.attempts?.length ?? 0) : (body.message ?? "");
  };
  assert.equal(await count("userId=alice"), 1);
  assert.equal(await count("network=192.0.2.0/24"), 1);
  assert.equal(await count("network=2001:db8::/32&outcomes=ATTEMPT_OUTCOME_FAILED"), 1);
  assert.equal(await count(`startTime=${new Date(start + 1).toISOString()}`), 1);
  assert.equal(await count(`endTime=${new Date(start + 1).toISOString()}`), 1);
  for (const network of ["%20", "192.0.2.0/33", "example.com"]) {
    assert.match(
      String(await count(`network=${network}`)),
      /^network: ".*" is not a network; it must be like 203\.0\.113\.0\/24/,
    );
  }
  assert.match(
    String(await count(`startTime=2026-01-01T00:00:00Z&endTime=2026-01-01T00:00:00Z`)),
    /must be earlier than endTime/,
  );
});

test("a caller of one organization sees the attempts of its users alone", async (t) => {
  const { users, signIns, organizations, keys, url } = await startService(t);
  await organizations.createOrganization({ organizationId: "acme" });
  for (const [userId, organizationId] of [
    ["a", "acme"],
    ["d", "default"],
  ] as const) {
    await users.createUser({ userId, organizationId });
    await signIns.recordFailure({ subject: { subject: { case: "userId", value: userId } }, factor: PASSWORD });
  }
  const { secret } = await keys.createApiKey({ permissions: ["signin.read"], organizationId: "acme" });
  const acme = clientsOf(url, secret).signIns;
  const seen = async (userId?: string) =>
    (await acme.listAttempts(userId === undefined ? {} : { userId })).attempts.map((each) => each.userId);
  assert.deepEqual([await seen(), await seen("a"), await seen("d")], [["a"], ["a"], []]);
  await assertRefused(acme.listAttempts({ organizationId: "default" }), "PermissionDenied", "SCOPE_EXCEEDED");
  const { nextPageToken } = await signIns.listAttempts({ pageSize: 1 });
  const rest = await signIns.listAttempts({ pageSize: 1, pageToken: nextPageToken });
  assert.deepEqual([rest.attempts.map((each) => each.userId), rest.nextPageToken], [["a"], ""]);
  await assertRefused(
    signIns.listAttempts({ pageToken: nextPageToken, userId: "a" }),
    "InvalidArgument",
    "FIELD_INVALID",
  );
});
