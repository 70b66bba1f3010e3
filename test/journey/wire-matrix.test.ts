/** One matrix: LockUser, UnlockUser and BanUser through every client, wire, HTTP version, format and compression. */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { isDeepStrictEqual } from "node:util";
import type { JsonObject } from "@bufbuild/protobuf";
import { bufCurlClients, curlClients } from "../support/command-clients.ts";
import { type JourneyClient, nodeClients, type Rpc } from "../support/journey-clients.ts";
import type { Outcome, Refusal } from "../support/outcome.ts";
import { findProgram } from "../support/run-command.ts";
import { ADMIN_KEY, type Running, startService, TestClock } from "../support/service.ts";

const CREATED = "2026-01-01T00:00:00Z";
/** Long enough that answers that carry it are worth compressing. */
const NOTE = `three reports, «über» 🎈 ${"x".repeat(960)}`;

interface Step {
  readonly title: string;
  readonly rpc: Rpc;
  readonly request: JsonObject;
  readonly key: "admin" | "viewer" | "none";
  readonly expected: (actor: string) => Wanted;
}

type Wanted = { readonly answer: JsonObject } | { readonly refusal: Omit<Refusal, "message"> };

/** Each step is one second after the one before it. `USER` stands for the cell's own user, `ID` for a made id. */
const STEPS: readonly Step[] = [
  {
    title: "lock",
    rpc: "LockUser",
    request: { userId: "USER", reasonCode: "ABUSE", note: NOTE, expectedSequence: "1", revokeSessions: true },
    key: "admin",
    expected: (actor) =>
      answer("2", "2026-01-01T00:00:01.250Z", {
        state: "STATE_LOCKED",
        restrictions: [
          {
            restrictionId: "ID",
            kind: "RESTRICTION_KIND_LOCK",
            cause: "CAUSE_ADMIN",
            reasonCode: "ABUSE",
            note: NOTE,
            actor,
            startTime: "2026-01-01T00:00:01.250Z",
            expireTime: "2026-01-01T01:00:01.250Z",
            scheduled: false,
            revokeSessions: true,
          },
        ],
        revocationEpoch: "4194306",
      }),
  },
  {
    title: "lock again",
    rpc: "LockUser",
    request: { userId: "USER" },
    key: "admin",
    expected: () => refusal("FailedPrecondition", "USER_ALREADY_LOCKED"),
  },
  {
    title: "unlock",
    rpc: "UnlockUser",
    request: { userId: "USER" },
    key: "admin",
    expected: () => answer("3", "2026-01-01T00:00:03.750Z", { state: "STATE_ACTIVE", revocationEpoch: "4194306" }),
  },
  {
    title: "ban",
    rpc: "BanUser",
    request: { userId: "USER" },
    key: "admin",
    expected: (actor) =>
      answer("4", "2026-01-01T00:00:05Z", {
        state: "STATE_BANNED",
        restrictions: [
          {
            restrictionId: "ID",
            kind: "RESTRICTION_KIND_BAN",
            cause: "CAUSE_ADMIN",
            actor,
            startTime: "2026-01-01T00:00:05Z",
            scheduled: false,
            revokeSessions: true,
          },
        ],
        revocationEpoch: "4194307",
      }),
  },
  {
    title: "a user that is not there",
    rpc: "UnlockUser",
    request: { userId: "nobody" },
    key: "admin",
    expected: () => refusal("NotFound", "USER_NOT_FOUND"),
  },
  {
    title: "a field with a value that is not allowed",
    rpc: "BanUser",
    request: { userId: "USER", reasonCode: "not a code" },
    key: "admin",
    expected: () => refusal("InvalidArgument", "FIELD_INVALID", ["reason_code"]),
  },
  {
    title: "no credential",
    rpc: "BanUser",
    request: { userId: "USER" },
    key: "none",
    expected: () => refusal("Unauthenticated", "CREDENTIAL_MISSING"),
  },
  {
    title: "no permission",
    rpc: "UnlockUser",
    request: { userId: "USER" },
    key: "viewer",
    expected: () => refusal("PermissionDenied", "PERMISSION_MISSING"),
  },
];

test("every client gets the same details, the same user and the same refusals", async (t) => {
  const clock = new TestClock();
  const service = await startService(t, { clock: () => clock.now });
  const cells = cellsOf(t, service.url);
  t.after(() => {
    for (const { close } of cells) close();
  });
  const keys = {
    admin: ADMIN_KEY,
    viewer: (await service.keys.createApiKey({ role: "viewer" })).secret,
    none: undefined,
  };
  const { apiKeys } = await service.keys.listApiKeys({});
  const actor = `key:${apiKeys.find(({ role }) => role === "owner")?.apiKeyId}`;
  for (const index of cells.keys()) await service.users.createUser({ userId: userOf(index) });
  const deviations: object[] = [];
  for (const { title, rpc, request, key, expected } of STEPS) {
    clock.advance(1250);
    const wanted = expected(actor);
    const messages = new Set<string>();
    await Promise.all(
      cells.map(async ({ name, call }, index) => {
        const userId = request.userId === "USER" ? userOf(index) : (request.userId ?? "");
        const received = await call(rpc, { ...request, userId }, keys[key]).then(
          (outcome) => generalise(outcome, userOf(index)),
          (error: unknown) => ({ failed: String(error) }),
        );
        if ("refusal" in received) messages.add(received.refusal.message);
        if (!isDeepStrictEqual(withoutMessage(received), wanted)) {
          deviations.push({ cell: name, step: title, received });
        }
      }),
    );
    assert.equal(messages.size, "refusal" in wanted ? 1 : 0, `${title}: ${[...messages].join(" | ")}`);
  }
  t.diagnostic(`matrix: ${cells.length} cells × ${STEPS.length} calls = ${cells.length * STEPS.length} calls`);
  assert.deepEqual(deviations, []);
  assertWires(service, cells);
  for (const { name, codings } of cells) {
    if (codings === undefined) continue;
    const zipped = name.endsWith("gzip");
    assert.deepEqual([codings.sent > 0, codings.received > 0], [zipped, zipped], name);
  }
});

function cellsOf(t: TestContext, url: string): JourneyClient[] {
  const hasCurl = findProgram("curl") !== undefined;
  if (!hasCurl) t.diagnostic("there is no curl on PATH: its cells are left out");
  return [...nodeClients(url), ...bufCurlClients(url), ...(hasCurl ? curlClients(url) : [])];
}

/** As many calls on each wire as its cells made, by the service's own record, so that no cell went another way. */
function assertWires(service: Running, cells: readonly JourneyClient[]): void {
  const lines = service.log().trim().split("\n");
  const calls = lines.map((line) => JSON.parse(line) as { rpc?: string; wire?: string });
  for (const wire of ["grpc", "grpc-web", "connect", "rest"]) {
    const made = calls.filter((call) => call.wire === wire && /\/(Lock|Unlock|Ban)User$/.test(call.rpc ?? "")).length;
    assert.equal(made, cells.filter((cell) => cell.wire === wire).length * STEPS.length, `calls by ${wire}`);
  }
}

function userOf(index: number): string {
  return `cell-${String(index).padStart(2, "0")}`;
}

function answer(sequence: string, changeDate: string, user: JsonObject): Wanted {
  const details = { sequence, creationDate: CREATED, changeDate, resourceOwner: "default" };
  return { answer: { details, user: { userId: "USER", ...user, details, profile: { emailVerified: false } } } };
}

/** The message is left out: it must be the same in every cell, whatever it says. */
function refusal(code: string, reason: string, fields: readonly string[] = []): Wanted {
  return { refusal: { code, reason, fields } };
}

/**
 * What differs from cell to cell is replaced: the user's id, ids that the service made, and names of fields, which wires
 * with JSON write as JSON does.
 */
function generalise(outcome: Outcome, userId: string): Outcome {
  const text = JSON.stringify(outcome)
    .replaceAll(`"${userId}"`, '"USER"')
    .replaceAll(`\\"${userId}\\"`, '\\"USER\\"')
    .replaceAll(/("fields":\["|"message":")reasonCode\b/g, "$1reason_code")
    .replaceAll(/"restrictionId":"[0-9a-f-]{36}"/g, '"restrictionId":"ID"');
  return JSON.parse(text) as Outcome;
}

function withoutMessage<T extends object>(received: T): object {
  if (!("refusal" in received)) return received;
  const { message: _, ...rest } = received.refusal as Refusal;
  return { refusal: rest };
}
