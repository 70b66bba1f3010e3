/** What the service offers to whoever translates: the decisions and reads behind our own RPCs, in the words of the domain. */
import { create } from "@bufbuild/protobuf";
import { ProfileSchema } from "../../../gen/lockkeeper/resource/v1/profile_pb.ts";
import { CreateUserRequestSchema } from "../../../gen/lockkeeper/user/v1/user_service_pb.ts";
import { type Actor, credentialOf, permissionMissing } from "../../auth/actor.ts";
import type { Authentication } from "../../auth/api-key-cache.ts";
import type { Permission } from "../../auth/permissions.ts";
import type { RequestGate } from "../../auth/request-gate.ts";
import { createSessionToken, hashSecret, isWellFormedSessionToken } from "../../auth/secret.ts";
import { attemptsLeft } from "../../domain/attempt.ts";
import type { CommandContext, PersonInput, UserCommand } from "../../domain/command.ts";
import { isVisible, userNotFound } from "../../domain/decide.ts";
import type { Organization } from "../../domain/organization.ts";
import { attributesWeight } from "../../domain/page-weight.ts";
import {
  type Factor,
  INSTANCE_POLICY_ID,
  type Policy,
  type PolicyCommand,
  type StoredPolicy,
} from "../../domain/policy.ts";
import { RefusalError } from "../../domain/refusal.ts";
import { type Session, type SessionCommand, sessionNotFound } from "../../domain/session.ts";
import { type State, stateOf, type User } from "../../domain/user.ts";
import type { ExecuteOptions } from "../../store/commands.ts";
import type {
  EventQuery,
  Page,
  ReadOptions,
  RecordedEvent,
  SearchOptions,
  SessionName,
  SessionQuery,
  SessionView,
  SignInView,
  UserPredicate,
  UserSearch,
  UserSearchOrder,
} from "../../store/queries.ts";
import type { Store } from "../../store/store.ts";
import type { ListLanes } from "../list-lanes.ts";
import { toAttributesMessage, toProfileMessage } from "../native/message/user-message.ts";
import { resourceOf } from "../request.ts";
import { validate } from "../validation.ts";
import { effectivePolicy } from "./effective-policy.ts";

export type {
  Actor,
  EventQuery,
  Page,
  Permission,
  RecordedEvent,
  SessionView,
  UserPredicate,
  UserSearch,
  UserSearchOrder,
};
export { attributesWeight, INSTANCE_POLICY_ID };

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
  /**
   * Who shows this `Authorization` header; at once for keys. Throws or rejects with CREDENTIAL_MISSING,
   * CREDENTIAL_INVALID, ISSUER_UNAVAILABLE, AUTHENTICATION_RATE, ADDRESS_RATE and CALLER_RATE.
   */
  authenticate(authorization: string | null, remoteAddress: string): Actor | Promise<Actor>;
  /** Decides and makes durable. */
  change(command: UserCommand, options?: ExecuteOptions): Promise<UserView>;
  /** `undefined`: there is no such user within the scope (`null`: anywhere), or it is deleted. */
  readUser(userId: string, scope: string | null): Promise<UserView | undefined>;
  searchUsers(search: UserSearch, options?: SearchOptions): Promise<UserSearchView>;
  /** The history of one user. Whether the caller may see the user is for the caller of this to check. */
  listUserEvents(query: EventQuery, options?: ReadOptions): Promise<Page<RecordedEvent>>;
  readOrganization(organizationId: string): Promise<Organization | undefined>;
  /** The attempts of a user with a factor and what they are counted by; `undefined`: there is no such user. */
  readSignIn(userId: string, factor: Factor): Promise<SignInView | undefined>;

  /** Opens, changes or ends a session and makes it durable. */
  changeSession(command: SessionCommand, options?: ExecuteOptions): Promise<Session>;
  /** At this moment; `undefined`: there is no such session within the scope. `touch`: counts as activity. */
  readSession(name: SessionName, scope: string | null, touch: boolean): Promise<SessionView | undefined>;
  /** The newest first. A page may be short; only an absent `next` means the end. */
  listSessions(query: SessionQuery, options?: ReadOptions): Promise<Page<SessionView>>;
  /** A new token of a session, shown once, with the hash that is kept of it. */
  newSessionToken(): { readonly token: string; readonly tokenHash: string };
  /** Where a token that somebody shows leads; `undefined`: it is not the form of one. */
  sessionKeyOf(token: string): SessionName | undefined;

  /** What is set for an organization, or for the instance (`INSTANCE_POLICY_ID`), and what holds there. */
  readPolicy(policyId: string): Promise<PolicyView>;
  changePolicy(command: PolicyCommand, options?: ExecuteOptions): Promise<PolicyView>;
  /** A new unique id: a UUIDv7. */
  newId(): string;
  /** Where lists wait for their places, ours and those of every dialect. */
  readonly lists: ListLanes;
}

/** `stored` is absent while nothing was ever set. */
export interface PolicyView {
  readonly stored: StoredPolicy | undefined;
  readonly effective: Policy;
}

export interface OperationsOptions {
  readonly store: Store;
  readonly gate: Pick<RequestGate, "authenticate">;
  readonly newId: () => string;
  readonly lists: ListLanes;
}

export function createOperations({ store, gate, newId, lists }: OperationsOptions): Operations {
  const view = async (user: User): Promise<UserView> => ({ user, state: stateOf(user.state), now: await store.now() });
  return {
    newId,
    lists,
    authenticate(authorization, remoteAddress) {
      const authentication = gate.authenticate(authorization, remoteAddress);
      return authentication instanceof Promise ? authentication.then(actorOf) : actorOf(authentication);
    },
    change: async (command, options) => view(resourceOf<UserCommand>(await store.execute(command, options))),
    async readUser(userId, scope) {
      const user = await store.readUser(userId);
      if (user === undefined || user.state.deleted || !isVisible(user, { scope })) return undefined;
      return view(user);
    },
    async searchUsers(search, options) {
      const { users, total, isTotalExact } = await store.searchUsers(search, options);
      const now = await store.now();
      return { users: users.map((user) => ({ user, state: stateOf(user.state), now })), total, isTotalExact };
    },
    listUserEvents: (query, options) => store.listUserEvents(query, options),
    readOrganization: (organizationId) => store.readOrganization(organizationId),
    readSignIn: async (userId, factor) => (await store.readSignIns([{ userId, factor }]))[0],
    ...sessionOperations(store),
    ...policyOperations(store),
  };
}

function actorOf(authentication: Authentication): Actor {
  if (!authentication.ok) throw new RefusalError(authentication.refusal);
  return authentication.actor;
}

type SessionOperations = "changeSession" | "readSession" | "listSessions" | "newSessionToken" | "sessionKeyOf";

function sessionOperations(store: Store): Pick<Operations, SessionOperations> {
  return {
    changeSession: async (command, options) => resourceOf<SessionCommand>(await store.execute(command, options)),
    readSession: async (name, scope, touch) => (await store.readSessions([{ ...name, scope }], { touch }))[0],
    listSessions: (query, options) => store.listSessions(query, options),
    newSessionToken() {
      const token = createSessionToken();
      return { token, tokenHash: hashSecret(token) };
    },
    sessionKeyOf: (token) => (isWellFormedSessionToken(token) ? { tokenHash: hashSecret(token) } : undefined),
  };
}

function policyOperations(store: Store): Pick<Operations, "readPolicy" | "changePolicy"> {
  const view = async (id: string, stored: StoredPolicy | undefined): Promise<PolicyView> => ({
    stored,
    effective: await effectivePolicy(store, id, stored),
  });
  return {
    readPolicy: async (id) => view(id, await store.readPolicy(id)),
    changePolicy: async (command, options) =>
      view(command.policyId, resourceOf<PolicyCommand>(await store.execute(command, options))),
  };
}

/** The context of a dialect's command. `scope`: the organization in which users exist for the call; `null`: all. */
export function contextOf({ actor, via }: Caller, scope: string | null, validateOnly = false): CommandContext {
  return {
    actor: actor.id,
    ...credentialOf(actor),
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

/** Throws SESSION_NOT_FOUND: what a dialect says of a session that `readSession` does not find. */
export function refuseUnknownSession(sessionId: string): never {
  throw new RefusalError(sessionNotFound(sessionId));
}

/** How many attempts of the factor are left before a lock; `undefined`: there is no limit. */
export function attemptsLeftOf({ counter, policy }: SignInView, factor: Factor): number | undefined {
  return attemptsLeft(counter, policy, factor);
}
