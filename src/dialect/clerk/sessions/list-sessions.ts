/** Lists the sessions of a user or a client, newest first. */
import type { JsonValue } from "@bufbuild/protobuf";
import { mapInTurns } from "../../../service/in-turns.ts";
import type { Place } from "../../../service/list-lanes.ts";
import { isId } from "../../../service/operations/operations.ts";
import {
  type ParamFault,
  paramFormatInvalid,
  paramsInvalid,
  paramTypeInvalid,
  paramValueInvalid,
  queryParameterMissing,
} from "../wire/clerk-error.ts";
import type { Operation, OperationCall } from "../wire/operation.ts";
import { readWindow, type Window } from "../wire/page-query.ts";
import { type SessionView, sessionIdOf, statusWordOf, toSessionJson } from "./session-json.ts";

/** GET /sessions: a bare array, or with `paginated` an object with the total. */
export const getSessionList: Operation = {
  name: "GetSessionList",
  permission: "session.read",
  serve: async (call): Promise<JsonValue> => {
    const query = readQuery(call.query);
    return call.operations.lists.run(call, async (place) => {
      const { items, total } = await find(call, query, place);
      const data = await mapInTurns(items, call, toSessionJson);
      return query.paginated ? { data, total_count: total } : data;
    });
  },
};

interface ListQuery extends Window {
  readonly userId: string | undefined;
  readonly clientId: string | undefined;
  readonly status: string | undefined;
  readonly paginated: boolean;
}

/** All of Clerk's statuses; a session here never has some of them. */
const STATUSES: readonly string[] = [
  "active",
  "revoked",
  "ended",
  "expired",
  "removed",
  "abandoned",
  "replaced",
  "pending",
];

/** Reads the query. Throws 400 if it names neither user nor client, and 422 naming every parameter at fault. */
function readQuery(query: URLSearchParams): ListQuery {
  const userId = query.get("user_id") || undefined;
  const clientId = query.get("client_id") || undefined;
  if (userId === undefined && clientId === undefined) throw queryParameterMissing("client_id", "user_id");
  const faults: ParamFault[] = [];
  const status = query.get("status") ?? undefined;
  if (status !== undefined && !STATUSES.includes(status)) faults.push(paramValueInvalid("status", status));
  const window = readWindow(query, faults);
  const paginated = query.get("paginated") || "false";
  if (!["true", "1", "false", "0"].includes(paginated)) faults.push(paramTypeInvalid("paginated", "boolean"));
  const [first, ...others] = faults;
  if (first !== undefined) throw paramsInvalid([first, ...others]);
  return { userId, clientId, status, paginated: paginated === "true" || paginated === "1", ...window };
}

interface Found {
  readonly items: readonly SessionView[];
  /** The total; unknown to a list that does not return it. */
  readonly total: number;
}

const NOTHING: Found = { items: [], total: 0 };

async function find(call: OperationCall, query: ListQuery, place: Place): Promise<Found> {
  const { userId, clientId, limit, offset } = query;
  if (userId !== undefined && !isId(userId)) return NOTHING;
  if (clientId === undefined) return walk(call, query, place);
  const id = sessionIdOf(clientId);
  if (id === undefined || !isId(id)) return NOTHING;
  const view = await call.operations.readSession({ id }, call.actor.scope, false);
  if (view === undefined || !matches(view, query)) return NOTHING;
  return { items: [view].slice(offset, offset + limit), total: 1 };
}

function matches(view: SessionView, { userId, status }: ListQuery): boolean {
  if (userId !== undefined && view.session.userId !== userId) return false;
  return status === undefined || statusWordOf(view) === status;
}

const PAGE_SIZE = 1_000;
/**
 * The number of sessions that one list examines: above it the total is a lower bound, which Clerk's shape cannot say.
 */
const PAGES_MAX = 50;

async function walk({ operations, actor, signal }: OperationCall, query: ListQuery, place: Place): Promise<Found> {
  const { userId, status, limit, offset, paginated } = query;
  // A page that is filtered here may hold few matches: small pages would exhaust the number of pages too soon.
  const isFiltered = status !== undefined && status !== "active";
  const items: SessionView[] = [];
  let total = 0;
  let next: string | undefined;
  for (let pages = 0; pages < PAGES_MAX; pages++) {
    if (pages > 0) await place.pass();
    const part = {
      organizationId: actor.scope,
      ...(userId === undefined ? {} : { userId }),
      activeOnly: status === "active",
      // If the first page was too short, the store omitted something: idle sessions among active ones.
      pageSize: paginated || isFiltered || pages > 0 ? PAGE_SIZE : Math.min(offset + limit, PAGE_SIZE),
      ...(next === undefined ? {} : { after: next }),
    };
    const page = await operations.listSessions(part, { signal });
    for (const view of page.items) {
      if (!matches(view, query)) continue;
      if (total >= offset && items.length < limit) items.push(view);
      total++;
    }
    next = page.next;
    if (next === undefined || (items.length === limit && !paginated)) return { items, total };
  }
  // A short page would look like the last one.
  if (items.length < limit) {
    throw paramsInvalid([paramFormatInvalid("offset", "reaches beyond the sessions that one list can look at.")]);
  }
  return { items, total };
}
