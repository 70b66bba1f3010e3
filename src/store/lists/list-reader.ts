/** Asks for lists and searches, slice by slice. */
import type { ApiKey } from "../../domain/api-key.ts";
import type { Attempt } from "../../domain/attempt.ts";
import type { Organization } from "../../domain/organization.ts";
import { sessionStatusOf } from "../../domain/session.ts";
import type { User } from "../../domain/user.ts";
import type { VerifiedSlice } from "../history/history-answers.ts";
import type { ChainLink, ChainPlace, Checkpoint, CheckpointQuery, HistoryHead, HistorySlice } from "../history.ts";
import type {
  AttemptQuery,
  EventQuery,
  ListedEvent,
  LogPage,
  LogQuery,
  Page,
  ReadOptions,
  RecordedEvent,
  SessionQuery,
  SessionView,
  UserQuery,
} from "../queries.ts";
import { toSettledUser, type UserRow } from "../rows/narrow-rows.ts";
import type { ReadUsers, SearchReader, Slice, SliceQuery } from "../search/search-slice.ts";
import type { SessionActivity } from "../upkeep/session-activity.ts";
import type { NewSummaries } from "./events/event-summary.ts";

/** A list in the order of ids. */
export interface IdQuery {
  readonly pageSize: number;
  readonly after?: string;
}

export type ApiKeyQuery = IdQuery & { readonly organizationId: string | null };

/** A question; each has the answer that `ListReader` returns. */
export type ReaderQuestion =
  | { readonly name: "listUsers"; readonly query: UserQuery; readonly now: number }
  | { readonly name: "searchSlice"; readonly query: SliceQuery; readonly now: number }
  | { readonly name: "countUsers"; readonly organizationId: string | null }
  | {
      readonly name: "readUsers";
      readonly ids: readonly string[];
      readonly namespaces: readonly string[] | undefined;
      readonly now: number;
    }
  | { readonly name: "listUserEvents"; readonly query: EventQuery }
  | { readonly name: "listEvents"; readonly query: LogQuery }
  | { readonly name: "summarise"; readonly count: number }
  | { readonly name: "listSessions"; readonly query: SessionQuery; readonly now: number }
  | { readonly name: "listAttempts"; readonly query: AttemptQuery; readonly now: number }
  | { readonly name: "listOrganizations"; readonly query: IdQuery }
  | { readonly name: "readLog"; readonly after: number; readonly limit: number }
  | { readonly name: "listApiKeys"; readonly query: ApiKeyQuery }
  | { readonly name: "historyHead" }
  | { readonly name: "historySlice"; readonly after: number; readonly head: number }
  | {
      readonly name: "verifySlice";
      readonly place: ChainPlace;
      readonly head: ChainLink;
      readonly wanted: readonly number[];
    }
  | { readonly name: "listCheckpoints"; readonly query: CheckpointQuery };

interface SearchOptions extends ReadOptions {
  /** How long a list searches for its first item, in milliseconds. */
  readonly searchMs?: number | undefined;
}

export interface ListReaderOptions {
  /** Answers a question with the type that the method of the same name returns. */
  readonly ask: (question: ReaderQuestion) => Promise<unknown>;
  /** How long a list searches for its first item, in milliseconds. */
  readonly listMs: number;
}

/**
 * Returns what a list shows of a session that an engine has read: nothing, if only active ones are asked for and it is
 * not. `activity`: knows the uses of sessions that are not on disk yet.
 */
export function showSessions(
  { activeOnly }: Pick<SessionQuery, "activeOnly">,
  {
    activity,
    ...moment
  }: Parameters<typeof sessionStatusOf>[2] & { readonly activity: Pick<SessionActivity, "known"> },
): (view: SessionView) => readonly SessionView[] {
  return ({ session: row, user }) => {
    // A session that was used a moment ago is not idle, although its row may say so.
    const session = activity.known(row);
    const status = sessionStatusOf(session, user, moment);
    return activeOnly && status !== "ACTIVE" ? [] : [{ session, user, status }];
  };
}

/** Lists and searches as the store offers them. */
export class ListReader implements SearchReader {
  readonly #ask: ListReaderOptions["ask"];
  readonly #listMs: number;

  constructor({ ask, listMs }: ListReaderOptions) {
    this.#ask = ask;
    this.#listMs = listMs;
  }

  async listUsers(query: UserQuery, now: number, options?: ReadOptions): Promise<Page<User>> {
    const question = (slice: UserQuery): ReaderQuestion => ({ name: "listUsers", query: slice, now });
    const page: Page<UserRow> = await this.#page(query, options, question);
    return { ...page, items: page.items.map((row) => toSettledUser(row, now)) };
  }

  async searchSlice(query: SliceQuery, now: number): Promise<Slice> {
    return (await this.#ask({ name: "searchSlice", query, now })) as Slice;
  }

  /** Returns `undefined` if there are more than `countRows`. */
  async countUsers(organizationId: string | null): Promise<number | undefined> {
    return (await this.#ask({ name: "countUsers", organizationId })) as number | undefined;
  }

  async readUsers(ids: readonly string[], namespaces: readonly string[] | undefined, now: number): Promise<ReadUsers> {
    return (await this.#ask({ name: "readUsers", ids, namespaces, now })) as ReadUsers;
  }

  listUserEvents(query: EventQuery, options?: ReadOptions): Promise<Page<ListedEvent>> {
    return this.#page(query, options, (slice) => ({ name: "listUserEvents", query: slice }));
  }

  listEvents(query: LogQuery, options?: ReadOptions): Promise<LogPage> {
    const { searchMs } = query;
    return this.#page(query, { ...options, searchMs }, (slice) => ({ name: "listEvents", query: slice }));
  }

  /** Reads what the next blocks of the log without a summary need to have one, at most `count`. */
  async summarise(count: number): Promise<NewSummaries> {
    return (await this.#ask({ name: "summarise", count })) as NewSummaries;
  }

  /** Reads the events of all users and of the configuration after a position, in the order of the log. */
  async readLog(after: number, limit: number): Promise<readonly RecordedEvent[]> {
    return (await this.#ask({ name: "readLog", after, limit })) as readonly RecordedEvent[];
  }

  /** `show`: returns the session with the activity that is not on disk yet, or nothing if it is not shown. */
  listSessions(
    query: SessionQuery,
    now: number,
    show: (view: SessionView) => readonly SessionView[],
    options?: ReadOptions,
  ): Promise<Page<SessionView>> {
    return this.#page(query, options, (slice) => ({ name: "listSessions", query: slice, now }), show);
  }

  listAttempts(query: AttemptQuery, now: number, options?: ReadOptions): Promise<Page<Attempt>> {
    return this.#page(query, options, (slice) => ({ name: "listAttempts", query: slice, now }));
  }

  async listOrganizations(query: IdQuery): Promise<Page<Organization>> {
    return (await this.#ask({ name: "listOrganizations", query })) as Page<Organization>;
  }

  async listApiKeys(query: ApiKeyQuery): Promise<Page<ApiKey>> {
    return (await this.#ask({ name: "listApiKeys", query })) as Page<ApiKey>;
  }

  async historyHead(): Promise<HistoryHead> {
    return (await this.#ask({ name: "historyHead" })) as HistoryHead;
  }

  /** `head`: the position of the head up to which the history is read. */
  async historySlice(after: number, head: number): Promise<HistorySlice> {
    return (await this.#ask({ name: "historySlice", after, head })) as HistorySlice;
  }

  async verifySlice(place: ChainPlace, head: ChainLink, wanted: readonly number[]): Promise<VerifiedSlice> {
    return (await this.#ask({ name: "verifySlice", place, head, wanted })) as VerifiedSlice;
  }

  async listCheckpoints(query: CheckpointQuery): Promise<Page<Checkpoint>> {
    return (await this.#ask({ name: "listCheckpoints", query })) as Page<Checkpoint>;
  }

  /**
   * Reads slice after slice until there is an item to show, nothing is left, or `searchMs` is over: a page is empty only
   * at the end, or if a long range has no match. Other questions are answered between two slices, and no further slice
   * is read when the caller stops waiting.
   */
  async #page<T, Q extends { readonly after?: string }, P extends Page<T> = Page<T>>(
    first: Q,
    { signal, searchMs = this.#listMs }: SearchOptions = {},
    questionOf: (slice: Q) => ReaderQuestion,
    show?: (item: T) => readonly T[],
  ): Promise<P> {
    const endTime = performance.now() + searchMs;
    for (let slice = first; ; ) {
      signal?.throwIfAborted();
      const page = (await this.#ask(questionOf(slice))) as P;
      const items = show === undefined ? page.items : page.items.flatMap(show);
      if (items.length > 0 || page.next === undefined || performance.now() >= endTime) return { ...page, items };
      slice = { ...slice, after: page.next };
    }
  }
}
