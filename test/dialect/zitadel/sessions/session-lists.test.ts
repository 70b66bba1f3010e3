/** ListSessions: queries, order, offset and limit, totals, and lists that are too long to examine. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { create, type JsonObject, type MessageInitShape } from "@bufbuild/protobuf";
import type { SearchQuerySchema } from "@zitadel/proto/zitadel/session/v2/session_pb.js";
import { ListSessionsRequestSchema } from "@zitadel/proto/zitadel/session/v2/session_service_pb.js";
import { listSessions } from "../../../../src/dialect/zitadel/sessions/session-list.ts";
import type { ZitadelCall } from "../../../../src/dialect/zitadel/wire/handler.ts";
import type { Actor, Operations, SessionView } from "../../../../src/service/operations/operations.ts";
import { seededRandom } from "../../../support/random.ts";
import { scaled } from "../../../support/scale.ts";
import { TestClock } from "../../../support/service.ts";
import { errorBody, type Lab, startLab } from "../support/lab.ts";

interface Shown {
  readonly ids: readonly string[];
  readonly total: string;
}

async function search(lab: Lab, body: JsonObject, key?: string): Promise<Shown> {
  const call = { body, ...(key === undefined ? {} : { key }) };
  const { status, json } = await lab.rest("POST /v2/sessions/search", call);
  assert.equal(status, 200, JSON.stringify(json));
  const sessions = (json.sessions ?? []) as unknown as readonly { readonly id: string }[];
  const { totalResult = "0" } = json.details as { readonly totalResult?: string };
  return { ids: sessions.map(({ id }) => id), total: totalResult };
}

describe("ListSessions", () => {
  test("answers every query, alone and combined", async (t) => {
    const clock = new TestClock();
    const lab = await startLab(t, { clock: () => clock.now });
    const { secret: key, apiKey } = await lab.keys.createApiKey({ role: "login" });
    for (const userId of ["alice", "bob"]) await lab.users.createUser({ userId });
    const open = async (userId: string, fingerprintId: string, by?: string): Promise<string> => {
      const body = { checks: { user: { userId } }, userAgent: { fingerprintId } };
      const { status, json } = await lab.rest("POST /v2/sessions", { body, ...(by === undefined ? {} : { key: by }) });
      assert.equal(status, 201);
      clock.advance(1000);
      return String(json.sessionId);
    };
    const s0 = await open("alice", "fp-1");
    const s1 = await open("bob", "fp-1");
    const s2 = await open("alice", "fp-2", key);
    const s3 = (await lab.sessions.createSession({ userId: "bob" })).session?.sessionId ?? "";
    const date = "2026-01-01T00:00:01Z";
    const created = (method: string): JsonObject => ({ creationDateQuery: { creationDate: date, method } });
    const cases: readonly (readonly [queries: JsonObject[], ids: readonly string[]])[] = [
      [[], [s3, s2, s1, s0]],
      [[{ userIdQuery: { id: "alice" } }], [s2, s0]],
      [[{ userIdQuery: { id: "nobody" } }], []],
      [[{ userIdQuery: { id: "alice" } }, { userIdQuery: { id: "bob" } }], []],
      [[{ idsQuery: { ids: [s0, s3, s0, "nothing"] } }], [s3, s0]],
      [[{ idsQuery: {} }], []],
      [[{ idsQuery: { ids: [s0, s3] } }, { idsQuery: { ids: [s1, s3] } }], [s3]],
      [[{ userAgentQuery: { fingerprintId: "fp-1" } }], [s1, s0]],
      [[{ userAgentQuery: { fingerprintId: "fp-1" } }, { userIdQuery: { id: "bob" } }], [s1]],
      [[{ creatorQuery: { id: `key:${apiKey?.apiKeyId}` } }], [s2]],
      [[{ creatorQuery: {} }], [s3, s1, s0]],
      [[created("TIMESTAMP_QUERY_METHOD_EQUALS")], [s1]],
      [[created("TIMESTAMP_QUERY_METHOD_GREATER")], [s3, s2]],
      [[created("TIMESTAMP_QUERY_METHOD_GREATER_OR_EQUALS")], [s3, s2, s1]],
      [[created("TIMESTAMP_QUERY_METHOD_LESS")], [s0]],
      [[created("TIMESTAMP_QUERY_METHOD_LESS_OR_EQUALS")], [s1, s0]],
      [[{ creationDateQuery: {} }], []],
      [[{ creationDateQuery: { method: "TIMESTAMP_QUERY_METHOD_GREATER" } }], []],
    ];
    for (const [queries, ids] of cases) {
      const expected = { ids, total: `${ids.length}` };
      assert.deepEqual(await search(lab, { queries }), expected, JSON.stringify(queries));
      const sortingColumn = "SESSION_FIELD_NAME_CREATION_DATE";
      const turned = { ids: ids.toReversed(), total: expected.total };
      assert.deepEqual(await search(lab, { queries, sortingColumn, query: { asc: true } }), turned);
    }
    assert.deepEqual(await search(lab, { queries: [{ creatorQuery: {} }] }, key), { ids: [s2], total: "1" });
    for (const queries of [[], [{ idsQuery: { ids: [s0, s1, s2, s3] } }]]) {
      const part = await search(lab, { queries, query: { offset: "1", limit: 2 } });
      assert.deepEqual(part, { ids: [s2, s1], total: "4" });
      const turned = await search(lab, { queries, query: { offset: "1", limit: 2, asc: true } });
      assert.deepEqual(turned, { ids: [s1, s2], total: "4" });
      const beyond = await search(lab, { queries, query: { offset: "18446744073709551615", limit: 4_294_967_295 } });
      assert.deepEqual(beyond, { ids: [], total: "4" });
    }
  });

  test("refuses empty queries and those that are too large", async (t) => {
    const lab = await startLab(t);
    const many = await lab.rest("POST /v2/sessions/search", {
      body: { queries: Array<JsonObject>(21).fill({ creatorQuery: {} }) },
    });
    const sentence = "a list may have 20 queries; leave some out, or ask by ids";
    assert.deepEqual([many.status, many.json], [400, errorBody(3, sentence, "QUERY_TOO_LARGE")]);
    const invalid = (id: string): JsonObject => errorBody(3, "List.Query.Invalid", id);
    const cases: readonly (readonly [query: JsonObject, json: JsonObject])[] = [
      [{ creatorQuery: { id: "" } }, invalid("GRPC-x8n24uh")],
      [{ userAgentQuery: {} }, invalid("GRPC-x8n23uh")],
      [{ userAgentQuery: { fingerprintId: "" } }, invalid("GRPC-x8n23uh")],
      [
        { idsQuery: { ids: Array.from({ length: 1001 }, (_, index) => `${index}`) } },
        errorBody(3, "a query by ids may name 1000; ask for the others in another call", "QUERY_TOO_LARGE"),
      ],
    ];
    for (const [query, json] of cases) {
      const reply = await lab.rest("POST /v2/sessions/search", { body: { queries: [query] } });
      assert.deepEqual([reply.status, reply.json], [400, json]);
    }
    const nothing = await lab.rest("POST /v2/sessions/search", { body: { queries: [{}] } });
    assert.equal(nothing.status, 400);
    assert.match(String(nothing.json.message), /SearchQuery\.Query: value is required$/);
    const method = await lab.rest("POST /v2/sessions/search", {
      body: { queries: [{ creationDateQuery: { method: 77 } }] },
    });
    assert.equal(method.status, 400);
    assert.match(
      String(method.json.message),
      /CreationDateQuery\.Method: value must be one of the defined enum values/,
    );
  });
});

/** Operations over a list in memory, newest first, with pages of any length. */
function listing(views: readonly SessionView[], pageSizeOf: () => number): Operations {
  const operations: Partial<Operations> = {
    async listSessions({ after = "0", pageSize }) {
      const from = Number(after);
      const end = from + Math.min(pageSize, pageSizeOf());
      return { items: views.slice(from, end), ...(end < views.length ? { next: `${end}` } : {}) };
    },
  };
  return operations as Operations;
}

function viewOf(index: number): SessionView {
  const session = { id: `s${index}`, userId: "alice", creationTime: -index, attributes: {}, createdBy: "key:1" };
  return { session, user: { restrictions: [] }, status: "ACTIVE" } as unknown as SessionView;
}

const ACTOR: Actor = { id: "key:1", permissions: new Set(["session.read"]), scope: null, expireTime: null };
const READER: ZitadelCall = {
  admission: { actor: ACTOR, organizationId: "default" },
  wire: "zitadel",
  deadlineTime: undefined,
  signal: new AbortController().signal,
  pass: () => undefined,
  takeTurn: () => undefined,
};

describe("a list by offset over lists by pages", () => {
  test("returns the requested part, however short the pages are", async (t) => {
    const random = seededRandom(t);
    for (let run = 0; run < scaled({ quick: 100, soak: 2_000 }); run++) {
      const all = Array.from({ length: random.below(60) }, (_, index) => viewOf(index));
      const query = { offset: BigInt(random.below(70)), limit: random.below(40), asc: random.below(2) === 1 };
      const operations = listing(all, () => random.below(5) + (random.below(3) === 0 ? 0 : 1));
      const request = create(ListSessionsRequestSchema, { query });
      const { sessions, total } = await listSessions(operations, request, READER);
      const ids = all.map(({ session }) => session.id);
      const from = Number(query.offset);
      const ordered = query.asc ? ids.toReversed() : ids;
      const expected = ordered.slice(from, query.limit === 0 ? undefined : from + query.limit);
      assert.deepEqual([sessions.map(({ id }) => id), total], [expected, all.length], JSON.stringify({ run, from }));
    }
  });

  test("is refused if it would be a guess; otherwise the total is a lower bound", async () => {
    const all = Array.from({ length: 10_500 }, (_, index) => viewOf(index));
    const operations = listing(all, () => 1000);
    const ask = (query: { offset?: bigint; limit?: number; asc?: boolean }) =>
      listSessions(operations, create(ListSessionsRequestSchema, { query }), READER);
    const { sessions, total } = await ask({ offset: 9_990n, limit: 10 });
    assert.deepEqual([sessions[0]?.id, sessions.length, total], ["s9990", 10, 10_000]);
    for (const query of [
      { asc: true, limit: 1 },
      { offset: 9_991n, limit: 10 },
    ]) {
      await assert.rejects(ask(query), /there are more than 10000 sessions .*\(SESSIONS_TOO_MANY\)/);
    }
    const everything = listing(all.slice(0, 10_000), () => 1000);
    const { sessions: oldest } = await listSessions(
      everything,
      create(ListSessionsRequestSchema, { query: { asc: true, limit: 1 } }),
      READER,
    );
    assert.equal(oldest[0]?.id, "s9999");
  });

  test("reads the attributes of a session once and only if a query needs them, and lets other work run", async () => {
    let reads = 0;
    let turns = 0;
    const all = Array.from({ length: 4 }, (_, index) => {
      const view = viewOf(index);
      const attributes = {
        get zitadel() {
          reads++;
          // Longer than one turn may take.
          for (const begin = process.threadCpuUsage(); process.threadCpuUsage(begin).user < 2_000; );
          return JSON.stringify({ fingerprintId: index < 3 ? "fp" : "other" });
        },
      };
      return { ...view, session: { ...view.session, attributes } };
    });
    const call: ZitadelCall = { ...READER, takeTurn: () => void turns++ };
    const ask = (queries: readonly MessageInitShape<typeof SearchQuerySchema>[]) =>
      listSessions(
        listing(all, () => 4),
        create(ListSessionsRequestSchema, { query: { limit: 1, offset: 9n }, queries: [...queries] }),
        call,
      );
    const byAgent = { query: { case: "userAgentQuery", value: { fingerprintId: "fp" } } } as const;
    const byUser = { query: { case: "userIdQuery", value: { id: "alice" } } } as const;
    assert.equal((await ask([byUser])).total, 4);
    const [before, turnsBefore] = [reads, turns];
    assert.equal((await ask(Array<typeof byAgent>(20).fill(byAgent))).total, 3);
    assert.deepEqual([before, reads, turns - turnsBefore], [0, 4, 4]);
  });

  test("is refused if its metadata is too large for one answer, whatever the other parts hold", async () => {
    const attributes = { "zitadel.session": JSON.stringify({ list: Array<number>(5_000).fill(0) }) };
    const all = Array.from({ length: 20 }, (_, index) => viewOf(index)).map((view) => ({
      ...view,
      session: { ...view.session, attributes },
    }));
    const ask = (query: { offset?: bigint; limit?: number; asc?: boolean }) =>
      listSessions(
        listing(all, () => 5),
        create(ListSessionsRequestSchema, { query }),
        READER,
      );
    for (const asc of [false, true]) {
      await assert.rejects(ask({ asc }), /too large for one answer; .*\(SESSIONS_TOO_LARGE\)/);
      const { sessions, total } = await ask({ asc, offset: asc ? 0n : 17n, limit: 3 });
      const ids = ["s17", "s18", "s19"];
      assert.deepEqual([sessions.map(({ id }) => id), total], [asc ? ids.toReversed() : ids, 20]);
    }
  });
});
