/** Who may not call is refused by the headers alone: the body is not waited for and not looked at, on any wire. */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import type { JsonObject } from "@bufbuild/protobuf";
import { ADMIN_KEY, startService } from "../support/service.ts";
import { RAW_WIRES, RawClient, type RawRequest, readAnswer } from "../support/wires.ts";

/** Cannot be decoded on any wire. */
const NONSENSE = Buffer.from([0x01, 0xff, 0xff, 0xff, 0xff, 0x7b, 0x22, 0xc3]);
/** What counts as at once, on a busy machine. */
const AT_ONCE_MS = 2000;

interface Case {
  readonly title: string;
  readonly authorization?: string;
  readonly code: string;
  readonly reason: string;
}

async function refusalsOnEveryWire(t: TestContext): Promise<{ client: RawClient; cases: readonly Case[] }> {
  // A clock that goes on by a second with each look: guesses from one address are not throttled here.
  let now = Date.UTC(2026, 0, 1);
  const service = await startService(t, { clock: () => (now += 1000), isOneProcess: true });
  const { secret } = await service.keys.createApiKey({ role: "viewer" });
  await service.users.createUser({ userId: "u1" });
  const client = new RawClient(service.url, AT_ONCE_MS);
  t.after(() => client.close());
  const cases: Case[] = [
    { title: "no credential", code: "Unauthenticated", reason: "CREDENTIAL_MISSING" },
    { title: "another scheme", authorization: "Basic YTpi", code: "Unauthenticated", reason: "CREDENTIAL_MISSING" },
    {
      title: "an unknown key",
      authorization: `Bearer ${ADMIN_KEY}x`,
      code: "Unauthenticated",
      reason: "CREDENTIAL_INVALID",
    },
    {
      title: "a key without the permission",
      authorization: `Bearer ${secret}`,
      code: "PermissionDenied",
      reason: "PERMISSION_MISSING",
    },
  ];
  return { client, cases };
}

type Change = (sent: RawRequest) => Partial<RawRequest>;

/**
 * Sends a changed lock with every case's credential on every wire; what deviates is shown all together. `ownerCodes` is
 * what the owner may learn of the same request, to show that there is something wrong with it.
 */
async function assertRefusedEarly(t: TestContext, ownerCodes: readonly string[], message: JsonObject, change: Change) {
  const { client, cases } = await refusalsOnEveryWire(t);
  const deviations: string[] = [];
  for (const { name, http, request } of RAW_WIRES) {
    const said = async (authorization: string | undefined): Promise<string> => {
      const sent = request("LockUser", message);
      const headers = { ...sent.headers, ...(authorization === undefined ? {} : { authorization }) };
      const read = readAnswer(await client.send(http, { ...sent, ...change(sent), headers }));
      return typeof read === "object" ? `${read.code} ${read.reason}` : `${read}`;
    };
    for (const { title, authorization, code, reason } of cases) {
      const received = await said(authorization).catch(String);
      if (received !== `${code} ${reason}`) deviations.push(`${name}, ${title}: ${received}`);
    }
    if (ownerCodes.length > 0) {
      const [received = ""] = (await said(`Bearer ${ADMIN_KEY}`)).split(" ");
      if (!ownerCodes.includes(received)) deviations.push(`${name}, the owner: ${received}`);
    }
  }
  assert.deepEqual(deviations, []);
  t.diagnostic(`${RAW_WIRES.length} wires × ${cases.length} refusals`);
}

test("a body that never ends is not waited for", async (t) => {
  await assertRefusedEarly(t, [], { userId: "u1" }, ({ body }) => ({ body: body.subarray(0, 1), ends: false }));
});

test("a body that cannot be decoded is not looked at", async (t) => {
  await assertRefusedEarly(t, ["ResourceExhausted", "InvalidArgument"], { userId: "u1" }, () => ({ body: NONSENSE }));
});

test("a body that is too large is not what is complained of", async (t) => {
  const body = Buffer.alloc(300 * 1024, 0x20);
  await assertRefusedEarly(t, ["ResourceExhausted", "InvalidArgument"], { userId: "u1" }, () => ({ body }));
});

test("the permission is refused before the request is validated and the user looked for", async (t) => {
  await assertRefusedEarly(t, ["InvalidArgument"], { userId: "nobody", reasonCode: "not a code" }, () => ({}));
  await assertRefusedEarly(t, ["NotFound"], { userId: "nobody" }, () => ({}));
});
