/** ListSessions: selects by offset over lists that go by pages. */
import type { Timestamp } from "@bufbuild/protobuf/wkt";
import { Code } from "@connectrpc/connect";
import type { SearchQuery } from "@zitadel/proto/zitadel/session/v2/session_pb.js";
import type { ListSessionsRequest } from "@zitadel/proto/zitadel/session/v2/session_service_pb.js";
import type { Session } from "../../../domain/session.ts";
import { mapInTurns } from "../../../service/in-turns.ts";
import {
  type Actor,
  attributesWeight,
  type Operations,
  type SessionView,
} from "../../../service/operations/operations.ts";
import { type KnownError, toError } from "../wire/error.ts";
import type { ZitadelCall } from "../wire/handler.ts";
import { type SessionExtras, sessionExtrasOf } from "./session-attributes.ts";
import { isShown } from "./session-message.ts";

/** The most sessions of one answer; a request for all is a request for this many. */
const LIMIT_MAX = 1000;
/** The most queries of one list: each is compared with each session. */
const QUERIES_MAX = 20;
/** The most ids in one query. */
const IDS_MAX = 1000;
/** How many sessions are read together. */
const READ_TOGETHER = 50;
/** The most sessions, and pages of them, that one list examines. */
const LOOKED_AT_MAX = 10_000;
const PAGES_MAX = 100;
const PAGE_SIZE = 1000;

function invalidQuery(id: string): KnownError {
  return { code: Code.InvalidArgument, id, text: "List.Query.Invalid" };
}

const INVALID_QUERY = invalidQuery("GRPC-Sfefs");
const INVALID_CREATOR = invalidQuery("GRPC-x8n24uh");
const INVALID_USER_AGENT = invalidQuery("GRPC-x8n23uh");

const TOO_MANY_QUERIES: KnownError = {
  code: Code.InvalidArgument,
  id: "QUERY_TOO_LARGE",
  text: `a list may have ${QUERIES_MAX} queries; leave some out, or ask by ids`,
};
const TOO_MANY_IDS: KnownError = {
  code: Code.InvalidArgument,
  id: "QUERY_TOO_LARGE",
  text: `a query by ids may name ${IDS_MAX}; ask for the others in another call`,
};
/** A short answer would look like a complete one. */
const TOO_BROAD: KnownError = {
  code: Code.FailedPrecondition,
  id: "SESSIONS_TOO_MANY",
  text: `there are more than ${LOOKED_AT_MAX} sessions to look through; ask by user id or by ids`,
};

/** The largest total size of the held sessions: that of one page of our own lists. */
const WEIGHT_MAX = 1024 * 1024;
const TOO_LARGE: KnownError = {
  code: Code.FailedPrecondition,
  id: "SESSIONS_TOO_LARGE",
  text: "the metadata of these sessions is too large for one answer; ask for fewer by a smaller limit",
};

type ListRequest = Pick<ListSessionsRequest, "query" | "queries">;
type Condition = (looked: LookedAt) => boolean;

/** A session that conditions examine. */
class LookedAt {
  readonly session: Session;
  #extras: SessionExtras | undefined;

  constructor(session: Session) {
    this.session = session;
  }

  /** Read from the attributes by the first condition that needs them. */
  get extras(): SessionExtras {
    this.#extras ??= sessionExtrasOf(this.session.attributes);
    return this.#extras;
  }
}

/** The answer of a list: one part, and the total. */
export interface FoundSessions {
  readonly sessions: readonly Session[];
  /** A lower bound if there are more sessions than one list examines. */
  readonly total: number;
}

/**
 * Returns the sessions that the caller may see: with `session.read` all in its scope, otherwise those that it opened.
 */
export async function listSessions(
  operations: Operations,
  { query, queries }: ListRequest,
  call: ZitadelCall,
): Promise<FoundSessions> {
  if (queries.length > QUERIES_MAX) throw toError(TOO_MANY_QUERIES);
  const { actor } = call.admission;
  const conditions = queries.map((each) => conditionOf(each, actor));
  if (!actor.permissions.has("session.read")) conditions.push(({ session }) => session.createdBy === actor.id);
  const isWanted = (view: SessionView): boolean => {
    if (!isShown(view)) return false;
    const looked = new LookedAt(view.session);
    return conditions.every((condition) => condition(looked));
  };
  const offset = Number(query?.offset ?? 0n);
  const limit = query?.limit || LIMIT_MAX;
  const part = { offset, end: offset + Math.min(limit, LIMIT_MAX), asc: query?.asc ?? false };
  const ids = idsOf(queries);
  if (ids === undefined) return walk({ operations, call, userId: userIdOf(queries), isWanted, part });
  const found: Session[] = [];
  for (let start = 0; start < ids.length; start += READ_TOGETHER) {
    await call.takeTurn();
    const together = ids.slice(start, start + READ_TOGETHER);
    const views = await Promise.all(together.map((id) => operations.readSession({ id }, actor.scope, false)));
    for (const view of views) if (view !== undefined && isWanted(view)) found.push(view.session);
  }
  const gathered = new Gathered(part);
  for (const session of found.sort(byCreation)) gathered.add(session);
  return gathered.found();
}

interface Part {
  readonly offset: number;
  readonly end: number;
  /** Oldest first. */
  readonly asc: boolean;
}

/** Newest first. */
function byCreation(a: Session, b: Session): number {
  return b.creationTime - a.creationTime || (a.id < b.id ? 1 : -1);
}

/** Counts sessions, newest first, and holds those that the part may need. Throws if these are too large. */
class Gathered {
  count = 0;
  readonly #part: Part;
  readonly #held: Session[] = [];
  #weight = 0;

  constructor(part: Part) {
    this.#part = part;
  }

  add(session: Session): void {
    const { offset, end, asc } = this.#part;
    this.count++;
    // The oldest are known only at the end.
    if (!asc && (this.count <= offset || this.count > end)) return;
    this.#held.push(session);
    this.#weight += attributesWeight(session.attributes);
    const left = this.#held.length > end ? this.#held.shift() : undefined;
    if (left !== undefined) this.#weight -= attributesWeight(left.attributes);
    if (this.#weight > WEIGHT_MAX) throw toError(TOO_LARGE);
  }

  found(): FoundSessions {
    const { offset, end, asc } = this.#part;
    return { sessions: asc ? this.#held.toReversed().slice(offset, end) : this.#held, total: this.count };
  }
}

interface Walk {
  readonly operations: Operations;
  readonly call: ZitadelCall;
  /** Only sessions of this user. */
  readonly userId: string | undefined;
  readonly isWanted: (view: SessionView) => boolean;
  readonly part: Part;
}

async function walk({ operations, call, userId, isWanted, part }: Walk): Promise<FoundSessions> {
  const gathered = new Gathered(part);
  let lookedAt = 0;
  let after: string | undefined;
  for (let pages = 0; pages < PAGES_MAX && lookedAt < LOOKED_AT_MAX; pages++) {
    if (pages > 0) await call.pass();
    const query = {
      organizationId: call.admission.actor.scope,
      activeOnly: true,
      pageSize: PAGE_SIZE,
      ...(userId === undefined ? {} : { userId }),
      ...(after === undefined ? {} : { after }),
    };
    const page = await operations.listSessions(query, { signal: call.signal });
    lookedAt += page.items.length;
    await mapInTurns(page.items, call, (view) => {
      if (isWanted(view)) gathered.add(view.session);
    });
    after = page.next;
    if (after === undefined) return gathered.found();
  }
  // The part is known only if it lies within what was examined.
  if (part.asc || gathered.count < part.end) throw toError(TOO_BROAD);
  return gathered.found();
}

/** Returns the ids to look for; `undefined`: any. If several queries name ids, the others are conditions. */
function idsOf(queries: readonly SearchQuery[]): readonly string[] | undefined {
  for (const { query } of queries) {
    if (query.case !== "idsQuery") continue;
    const ids = [...new Set(query.value.ids)];
    if (ids.length > IDS_MAX) throw toError(TOO_MANY_IDS);
    return ids;
  }
  return undefined;
}

function userIdOf(queries: readonly SearchQuery[]): string | undefined {
  for (const { query } of queries) if (query.case === "userIdQuery") return query.value.id;
  return undefined;
}

function conditionOf({ query }: SearchQuery, actor: Actor): Condition {
  switch (query.case) {
    case "idsQuery": {
      const ids = new Set(query.value.ids);
      return ({ session }) => ids.has(session.id);
    }
    case "userIdQuery": {
      const { id } = query.value;
      return ({ session }) => session.userId === id;
    }
    case "creationDateQuery":
      return createdWhen(query.value.creationDate, query.value.method);
    case "creatorQuery": {
      const { id = actor.id } = query.value;
      if (id === "") throw toError(INVALID_CREATOR);
      return ({ session }) => session.createdBy === id;
    }
    case "userAgentQuery": {
      // Without a value it means the caller's own user agent, which callers do not have here.
      const { fingerprintId } = query.value;
      if (!fingerprintId) throw toError(INVALID_USER_AGENT);
      return ({ extras }) => extras.fingerprintId === fingerprintId;
    }
    default:
      throw toError(INVALID_QUERY);
  }
}

/** Indexed by TimestampQueryMethod. */
const COMPARISONS: readonly ((created: number, asked: number) => boolean)[] = [
  (created, asked) => created === asked,
  (created, asked) => created > asked,
  (created, asked) => created >= asked,
  (created, asked) => created < asked,
  (created, asked) => created <= asked,
];

function createdWhen(date: Timestamp | undefined, method: number): Condition {
  const holds = COMPARISONS[method];
  if (holds === undefined) throw toError(INVALID_QUERY);
  if (date === undefined) return () => false;
  const asked = Number(date.seconds) * 1000 + date.nanos / 1e6;
  return ({ session }) => holds(session.creationTime, asked);
}
