/** Operations on users: reading, listing, importing and changing them. */

import type { CommandContext, ImportUser, RedactEvent, SettleUser, UserCommand } from "../../domain/command.ts";
import { userNotFound } from "../../domain/decide.ts";
import { idFault } from "../../domain/identity.ts";
import { invalidField, RefusalError } from "../../domain/refusal.ts";
import { existsFor, type Sight } from "../../domain/sight.ts";
import { type State, stateOf, type User } from "../../domain/user.ts";
import type {
  EventQuery,
  ListedEvent,
  Page,
  ReadOptions,
  SearchOptions,
  UserQuery,
  UserSearch,
} from "../../store/queries.ts";
import type { Store } from "../../store/store.ts";
import { assertPermission, type Caller, type ChangeTerms, contextOf, execute, writeOrganization } from "./caller.ts";

/** A settled user with the state and the instant at which it was so. */
export interface UserView {
  readonly user: User;
  readonly state: State;
  /** Milliseconds since the epoch, by the store's clock. */
  readonly now: number;
}

/** What a search found. */
export interface UserSearchView {
  readonly users: readonly UserView[];
  /** The number of all matches on all pages; a lower bound unless `isTotalExact`. */
  readonly total: number;
  readonly isTotalExact: boolean;
}

/** A union whose types lack some members. */
export type Without<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never;

/** A change as a caller requests it. CreateUser: an empty id means a new one, an empty organization the caller's. */
export type UserChange = Without<
  Exclude<UserCommand, ImportUser | RedactEvent | SettleUser>,
  "context" | "restrictionId"
>;

/** A user of an import. An empty organization means the caller's. */
export type ImportedUser = Omit<ImportUser, "type" | "context" | "restrictions"> & {
  readonly restrictions: readonly Omit<ImportUser["restrictions"][number], "id">[];
};

/** What became of an imported user. */
export interface ImportOutcome {
  readonly view: UserView;
  readonly action: "CREATED" | "UPDATED" | "SKIPPED";
}

/** Every method rejects with RefusalError, or with what `refusalOf` knows. */
export interface UserOperations {
  /** The upper half of every revocation epoch. */
  readonly generation: number;
  /** Decides a change and makes it durable. */
  changeUser(change: UserChange, caller: Caller, terms?: ChangeTerms): Promise<UserView>;
  /** Creates, updates or skips one user of an import. */
  importUser(user: ImportedUser, caller: Caller, terms?: ChangeTerms): Promise<ImportOutcome>;
  /** `undefined`: the user does not exist for the reader. */
  readUser(userId: string, sight: Sight): Promise<UserView | undefined>;
  /** A page of settled users. */
  listUsers(query: UserQuery, options?: ReadOptions): Promise<Page<User>>;
  searchUsers(search: UserSearch, options?: SearchOptions): Promise<UserSearchView>;
  /** The recorded history of one user. Rejects with USER_NOT_FOUND. */
  listUserEvents(query: EventQuery, sight: Sight, options?: ReadOptions): Promise<Page<ListedEvent>>;
}

interface Parts {
  readonly store: Store;
  /** Makes ids of users and restrictions: UUIDv7, so that they sort by time. */
  readonly newId: () => string;
}

export function userOperations({ store, newId }: Parts): UserOperations {
  const viewOf = async (user: User): Promise<UserView> => ({
    user,
    state: stateOf(user.state),
    now: await store.now(),
  });
  const assertExists = async (userId: string, sight: Sight): Promise<void> => {
    if (!existsFor((await store.readUser(userId))?.state, sight)) refuseUnknownUser(userId);
  };
  return {
    generation: store.generation,
    async changeUser(change, caller, terms) {
      const command = commandOf(change, caller, contextOf(caller, terms), newId);
      return viewOf(await execute<UserCommand>(store, command, caller, terms?.lane));
    },
    importUser: async (item, caller, terms) => {
      assertId("user_id", item.userId);
      const restrictions = item.restrictions.map((each) => ({
        ...each,
        id: newId(),
        // Marked, so that an import cannot make anybody seem to have acted here.
        actor: each.actor === "" ? "" : `imported:${each.actor}`,
      }));
      const command: ImportUser = {
        type: "ImportUser",
        ...item,
        organizationId: writeOrganization(caller.admission.actor, item.organizationId),
        restrictions,
        context: contextOf(caller, terms),
      };
      const outcome = await store.execute<ImportUser>(command, {
        deadlineTime: caller.deadlineTime,
        lane: terms?.lane ?? "interactive",
      });
      if (!outcome.ok) throw new RefusalError(outcome.refusal);
      const { resource, event } = outcome;
      const action = event?.type !== "UserImported" ? "SKIPPED" : event.data.created ? "CREATED" : "UPDATED";
      return { view: await viewOf(resource), action };
    },
    async readUser(userId, sight) {
      const user = await store.readUser(userId);
      return user !== undefined && existsFor(user.state, sight) ? viewOf(user) : undefined;
    },
    listUsers: (query, options) => store.listUsers(query, options),
    async searchUsers(search, options) {
      const { users, total, isTotalExact } = await store.searchUsers(search, options);
      const now = await store.now();
      return { users: users.map((user) => ({ user, state: stateOf(user.state), now })), total, isTotalExact };
    },
    async listUserEvents(query, sight, options) {
      // The store refuses a foreign token before it reads anything, so a wrong token comes before existence.
      if (query.after === undefined) await assertExists(query.userId, sight);
      const page = await store.listUserEvents(query, options);
      if (query.after !== undefined) await assertExists(query.userId, sight);
      return page;
    },
  };
}

/** Completes a change to a command. Throws FIELD_INVALID, PERMISSION_MISSING and SCOPE_EXCEEDED. */
function commandOf(
  change: UserChange,
  { admission: { actor } }: Caller,
  context: CommandContext,
  newId: () => string,
): UserCommand {
  switch (change.type) {
    case "CreateUser": {
      const organizationId = writeOrganization(actor, change.organizationId);
      const userId = change.userId === "" ? newId() : change.userId;
      assertId("user_id", userId);
      return { ...change, userId, organizationId, context };
    }
    case "LockUser":
    case "BanUser":
    case "DeactivateUser":
      return { ...change, restrictionId: newId(), context };
    case "DeleteUser":
      // Deleting can be made good by creating the user again; nothing brings back what is erased.
      if (change.erase) assertPermission(actor, "events.redact", "DeleteUser with erase");
      return { ...change, context };
    default:
      return { ...change, context };
  }
}

/** Throws FIELD_INVALID for an id that no new user or organization may have. */
export function assertId(field: string, id: string): void {
  const fault = idFault(id);
  if (fault !== undefined) throw invalidField(field, fault);
}

/** Returns whether anything may have this id; if not, the store need not be asked. */
export function isId(id: string): boolean {
  return idFault(id) === undefined;
}

/** Throws USER_NOT_FOUND. */
export function refuseUnknownUser(userId: string): never {
  throw new RefusalError(userNotFound(userId));
}
