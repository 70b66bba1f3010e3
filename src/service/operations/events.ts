/** Operations on the log of all events: listing it, and erasing personal values of one event. */
import type { FoundEvent, RedactEvent, UserCommand } from "../../domain/command.ts";
import type { UserEvent } from "../../domain/event.ts";
import { RefusalError } from "../../domain/refusal.ts";
import { existsFor } from "../../domain/sight.ts";
import type { User } from "../../domain/user.ts";
import { ReadGivenUpError } from "../../store/errors.ts";
import type { ListedEvent, LogPage, LogQuery, ReadOptions } from "../../store/queries.ts";
import type { Store } from "../../store/store.ts";
import type { ListPlaces } from "../list-lanes.ts";
import { type ChangeTerms, contextOf, execute, retryOvertaken, type WaitingCaller } from "./caller.ts";

/** `cursor`: only events after it; absent: all. */
export type EventsQuery = Omit<LogQuery, "afterPosition"> & { readonly cursor?: string | undefined };

/** A request to erase personal values of one event. */
export type EventRedaction = Omit<RedactEvent, "type" | "context" | "found">;

export interface EventOperations {
  /** Lists recorded events. Rejects with CursorError, PageTokenError and HistoryChangedError, which `refusalOf` knows. */
  listEvents(query: EventsQuery, options: ReadOptions): Promise<LogPage>;
  /**
   * Erases personal values of one event of a user, who may be deleted. Rejects with RefusalError, or with what
   * `refusalOf` knows.
   */
  redactEvent(redaction: EventRedaction, caller: WaitingCaller, terms: ChangeTerms): Promise<User>;
}

interface Parts {
  readonly store: Store;
  /** To find an event takes as long as a list, so it takes a place among the lists. */
  readonly lists: ListPlaces;
}

export function eventOperations({ store, lists }: Parts): EventOperations {
  return {
    async listEvents({ cursor, ...query }, options) {
      if (cursor === undefined) return await store.listEvents(query, options);
      const { position } = await store.log.open(cursor);
      return await store.listEvents({ ...query, afterPosition: position }, options);
    },
    redactEvent(redaction, caller, terms) {
      const { userId, eventSequence, expectedSequence } = redaction;
      const { signal } = caller;
      const { actor } = caller.admission;
      const sight = { scope: terms.scope === undefined ? actor.scope : terms.scope, showDeleted: true };
      const endTime = performance.now() + SEARCH_MS_MAX;
      const send = (found: FoundEvent | undefined): Promise<User> => {
        const context = contextOf(caller, terms);
        const command: RedactEvent = { type: "RedactEvent", ...redaction, ...(found ? { found } : {}), context };
        return execute<UserCommand>(store, command, caller, terms.lane);
      };
      const redact = async (): Promise<User> => {
        // Before the events: what is written in between makes the command fail.
        const user = await store.readUser(userId);
        // The command refuses who is not there, or not in sight; no work is done for it.
        const found =
          user !== undefined && existsFor(user.state, sight)
            ? await lists.run({ actor, signal }, ({ pass }) =>
                findEvent(store, user, eventSequence, { signal, endTime, pass }),
              )
            : undefined;
        return await send(found);
      };
      const search = (): Promise<User> => (expectedSequence === undefined ? retryOvertaken(redact) : redact());
      // A request that was answered before is answered without a search: the command looks for the answer first.
      return terms.request === undefined ? search() : send(undefined).catch((error) => unlessNotFound(error, search));
    },
  };
}

/** Goes on after a refusal that says only that nothing was searched for yet. */
function unlessNotFound(error: unknown, search: () => Promise<User>): Promise<User> {
  if (error instanceof RefusalError && error.refusal.reason === "EVENT_NOT_FOUND") return search();
  throw error;
}

/** How long one call may search, in milliseconds. */
const SEARCH_MS_MAX = 20_000;
/** The types of the events that change what the user has. */
const PERSON_TYPES = ["UserCreated", "UserDeleted", "UserImported", "UserUpdated"] as const;
const PAGE_EVENTS = 100;
// Later events are read from the newest on: after a change of the values the search is short.
const ADVICE = "change the values of the user that are from the event first, or delete the user with erase";

interface Search extends ReadOptions {
  /** When the search is given up, as `performance.now()` counts; absent: never. */
  readonly endTime?: number;
  /** Called between two reads of a long history; absent: nobody waits. */
  readonly pass?: () => Promise<void> | undefined;
}

type EventReader = Pick<Store, "listUserEvents" | "listEvents">;

/**
 * Returns what must be known of an event of a user to redact it; `undefined`: there is none. It goes from link to link
 * up to the event. Later events are read only if the user still has a value of the same name, and only until it is known
 * from where. Rejects with ReadGivenUpError.
 */
export async function findEvent(
  store: EventReader,
  user: User,
  sequence: number,
  search: Search,
): Promise<FoundEvent | undefined> {
  const { id: userId, sequence: knownSequence } = user.state;
  if (sequence < 1 || sequence > knownSequence) return undefined;
  const query = { userId, order: "oldest_first", first: sequence, pageSize: 1 } as const;
  const listed = await firstOf(search, (after) => store.listUserEvents({ ...query, ...after }, search));
  if (listed === undefined) return undefined;
  const { position, erasedNames = [] } = listed;
  const event = listed.event as UserEvent;
  const names = [...Object.keys(event.personal), ...erasedNames].sort();
  return {
    ...{ knownSequence, position, names },
    ...("restriction" in event.data ? { restrictionId: event.data.restriction.id } : {}),
    laterNames: await laterNames(store, user, { position, names }, search),
  };
}

/** Returns which of the names that an event has set, and the user has, are from a later event. */
async function laterNames(
  store: EventReader,
  { state, person }: User,
  { position, names }: Pick<FoundEvent, "position" | "names">,
  search: Search,
): Promise<readonly string[]> {
  const has = new Set([
    ...Object.keys(person.profile).map((field) => `profile.${field}`),
    ...Object.keys(person.attributes).map((namespace) => `attributes.${namespace}`),
  ]);
  const own = names.filter((name) => has.has(name));
  const open = new Set(own);
  if (open.size === 0) return [];
  const filter = { user: [state.id], type: PERSON_TYPES };
  const query = { scope: null, filter, order: "newest_first", pageSize: PAGE_EVENTS, afterPosition: position } as const;
  for await (const events of pagesOf(search, (after) => store.listEvents({ ...query, ...after }, search))) {
    for (const { event } of events) {
      if (beginsPerson(event as UserEvent)) return own;
      for (const name of changedNames(event as UserEvent)) open.delete(name);
    }
    if (open.size === 0) break;
  }
  return own.filter((name) => !open.has(name));
}

type ReadPage = (after: { readonly after?: string }) => Promise<{
  readonly items: readonly ListedEvent[];
  readonly next?: string;
}>;

async function firstOf(search: Search, read: ReadPage): Promise<ListedEvent | undefined> {
  for await (const [event] of pagesOf(search, read)) if (event !== undefined) return event;
  return undefined;
}

async function* pagesOf({ endTime = Infinity, pass }: Search, read: ReadPage) {
  for (let after: string | undefined; ; ) {
    const page = await read(after === undefined ? {} : { after });
    yield page.items;
    if (page.next === undefined) return;
    after = page.next;
    if (performance.now() >= endTime) {
      throw new ReadGivenUpError(
        "the history of the user is too long to find what must be known",
        SEARCH_MS_MAX,
        ADVICE,
      );
    }
    await pass?.();
  }
}

/** Returns whether nothing of the person before is left after an event. */
function beginsPerson({ data, type }: UserEvent): boolean {
  return type === "UserDeleted" || type === "UserCreated" || ("created" in data && data.created);
}

function changedNames({ data }: UserEvent): readonly string[] {
  return "set" in data ? [...data.set, ...data.cleared] : [];
}
