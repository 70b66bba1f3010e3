/** What the service offers to whoever translates: the decisions and reads behind our own RPCs, in the words of the domain. */
import { create } from "@bufbuild/protobuf";
import { ProfileSchema } from "../../gen/lockkeeper/resource/v1/profile_pb.ts";
import { CreateUserRequestSchema } from "../../gen/lockkeeper/user/v1/user_service_pb.ts";
import { type Actor, permissionMissing } from "../auth/actor.ts";
import type { Badge } from "../auth/badge.ts";
import type { Permission } from "../auth/permissions.ts";
import type { CommandContext, PersonInput, UserCommand } from "../domain/command.ts";
import { isVisible, userNotFound } from "../domain/decide.ts";
import type { Organization } from "../domain/organization.ts";
import { RefusalError } from "../domain/refusal.ts";
import { type State, stateOf, type User } from "../domain/user.ts";
import type {
  EventQuery,
  ExecuteOptions,
  Page,
  RecordedEvent,
  SearchOptions,
  Store,
  UserPredicate,
  UserSearch,
  UserSearchOrder,
} from "../store/store.ts";
import { resourceOf } from "./request.ts";
import { toAttributesMessage, toProfileMessage } from "./user-message.ts";
import { validate } from "./validation.ts";

export type { Actor, EventQuery, Page, Permission, RecordedEvent, UserPredicate, UserSearch, UserSearchOrder };

/** Who asks, and by which dialect. */
export interface Caller {
  readonly actor: Actor;
  /** What the history shows as the way the change came. */
  readonly via: string;
}

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
  /** How many match in all, pages apart; a lower bound unless `isTotalExact`. */
  readonly total: number;
  readonly isTotalExact: boolean;
}

/** Every method rejects with RefusalError, or with what `refusalOf` knows. */
export interface Operations {
  /** Who shows this `Authorization` header. Throws CREDENTIAL_MISSING, CREDENTIAL_INVALID and AUTHENTICATION_RATE. */
  authenticate(authorization: string | null, remoteAddress: string): Actor;
  /** Decides and makes durable. */
  change(command: UserCommand, options?: ExecuteOptions): Promise<UserView>;
  /** `undefined`: there is no such user within the scope (`null`: anywhere), or it is deleted. */
  readUser(userId: string, scope: string | null): Promise<UserView | undefined>;
  searchUsers(search: UserSearch, options?: SearchOptions): Promise<UserSearchView>;
  /** The history of one user. Whether the caller may see the user is for the caller of this to check. */
  listUserEvents(query: EventQuery): Promise<Page<RecordedEvent>>;
  readOrganization(organizationId: string): Promise<Organization | undefined>;
  /** A new unique id: a UUIDv7. */
  newId(): string;
}

export interface OperationsOptions {
  readonly store: Store;
  readonly badge: Pick<Badge, "authenticate">;
  readonly newId: () => string;
}

export function createOperations({ store, badge, newId }: OperationsOptions): Operations {
  const view = async (user: User): Promise<UserView> => ({ user, state: stateOf(user.state), now: await store.now() });
  return {
    newId,
    authenticate(authorization, remoteAddress) {
      const authentication = badge.authenticate(authorization, remoteAddress);
      if (!authentication.ok) throw new RefusalError(authentication.refusal);
      return authentication.actor;
    },
    change: async (command, options) => view(resourceOf<UserCommand>(await store.execute(command, options))),
    async readUser(userId, scope) {
      const user = await store.readUser(userId);
      if (user === undefined || user.state.deleted || !isVisible(user, { scope })) return undefined;
      return view(user);
    },
    async searchUsers(search, options) {
      const { users, total, isTotalExact } = await store.searchUsers(search, options);
      return { users: await Promise.all(users.map(view)), total, isTotalExact };
    },
    listUserEvents: (query) => store.listUserEvents(query),
    readOrganization: (organizationId) => store.readOrganization(organizationId),
  };
}

/** The context of a dialect's command. `scope`: the organization in which users exist for the call; `null`: all. */
export function contextOf({ actor, via }: Caller, scope: string | null, validateOnly = false): CommandContext {
  return {
    actor: actor.id,
    ...(actor.keyId === undefined ? {} : { keyId: actor.keyId }),
    via,
    scope,
    validateOnly,
  };
}

/**
 * Throws FIELD_INVALID, naming fields as our own API does (`profile.email`), for a person that CreateUser would refuse:
 * a dialect must let in nothing that could not be given back.
 */
export function assertPerson({ profile, attributes }: PersonInput): void {
  const request = create(CreateUserRequestSchema, {
    profile: create(ProfileSchema, toProfileMessage(profile)),
    attributes: toAttributesMessage(attributes),
  });
  const refusal = validate(CreateUserRequestSchema, request);
  if (refusal !== undefined) throw new RefusalError(refusal);
}

/** Throws PERMISSION_MISSING unless the caller has the permission. `what`: the operation, at the beginning of a sentence. */
export function assertPermission(actor: Actor, permission: Permission, what: string): void {
  if (!actor.permissions.has(permission)) throw new RefusalError(permissionMissing(what, [permission]));
}

/** Throws USER_NOT_FOUND: what a dialect says of a user whom `readUser` does not find. */
export function refuseUnknownUser(userId: string): never {
  throw new RefusalError(userNotFound(userId));
}
