/** The use cases of the service in the words of the domain. Native handlers and dialects call them. */
import type { Actor } from "../../auth/actor.ts";
import { type Admission, recheck } from "../../auth/admission.ts";
import type { Authentication } from "../../auth/api-key-cache.ts";
import type { Permission } from "../../auth/permissions.ts";
import type { RequestGate } from "../../auth/request-gate.ts";
import { DEFAULT_ORGANIZATION_ID } from "../../domain/organization.ts";
import { attributesWeight } from "../../domain/page-weight.ts";
import { INSTANCE_POLICY_ID } from "../../domain/policy.ts";
import { RefusalError } from "../../domain/refusal.ts";
import { SESSION_MS_MAX } from "../../domain/session.ts";
import type { Store } from "../../store/store.ts";
import type { ListPlaces } from "../list-lanes.ts";
import { type AttemptQueue, LocalAttemptQueue } from "./attempt-waiters.ts";
import { type EventOperations, eventOperations } from "./events.ts";
import { type OrganizationOperations, organizationOperations } from "./organizations.ts";
import { type PolicyOperations, policyOperations } from "./policies.ts";
import { type SessionOperations, sessionOperations } from "./sessions.ts";
import { type SignInOperations, signInOperations } from "./sign-ins.ts";
import { type UserOperations, userOperations } from "./users.ts";

export type * from "../../store/queries.ts";
export * from "./caller.ts";
export type * from "./policies.ts";
export * from "./sessions.ts";
export * from "./users.ts";
export { type Actor, attributesWeight, DEFAULT_ORGANIZATION_ID, INSTANCE_POLICY_ID, type Permission, SESSION_MS_MAX };

/** All that a dialect calls. Every method rejects with RefusalError, or with what `refusalOf` knows. */
export type Operations = UserOperations &
  SessionOperations &
  SignInOperations &
  PolicyOperations &
  OrganizationOperations &
  EventOperations & {
    /**
     * The actor of this `Authorization` header; synchronous for keys. Throws or rejects with CREDENTIAL_MISSING,
     * CREDENTIAL_INVALID, ISSUER_UNAVAILABLE, AUTHENTICATION_RATE, ADDRESS_RATE and CALLER_RATE.
     */
    authenticate(authorization: string | null, remoteAddress: string): Actor | Promise<Actor>;
    /**
     * Throws CREDENTIAL_INVALID if the credential of an admitted call ended before its answer, and the call sent no
     * command. Whatever wraps the handlers of an API calls it after each of them, also after one that fails.
     */
    recheck(admission: Admission): void;
    /** A new unique id: a UUIDv7. */
    newId(): string;
    /** The lanes of all lists, native ones and those of every dialect. */
    readonly lists: ListPlaces;
  };

export interface OperationsOptions {
  readonly store: Store;
  readonly gate: Pick<RequestGate, "authenticate" | "stillOpens">;
  readonly newId: () => string;
  readonly lists: ListPlaces;
  /** Absent: the attempts of this thread alone. */
  readonly attempts?: AttemptQueue | undefined;
}

export function createOperations({ store, gate, newId, lists, attempts }: OperationsOptions): Operations {
  const parts = { store, newId };
  return {
    newId,
    lists,
    authenticate(authorization, remoteAddress) {
      const authentication = gate.authenticate(authorization, remoteAddress);
      return authentication instanceof Promise ? authentication.then(actorOf) : actorOf(authentication);
    },
    recheck(admission) {
      const refusal = recheck(gate, admission);
      if (refusal !== undefined) throw new RefusalError(refusal);
    },
    ...userOperations(parts),
    ...sessionOperations(parts),
    ...signInOperations({ ...parts, attempts: attempts ?? new LocalAttemptQueue(store) }),
    ...policyOperations(parts),
    ...organizationOperations(parts),
    ...eventOperations({ store, lists }),
  };
}

function actorOf(authentication: Authentication): Actor {
  if (!authentication.ok) throw new RefusalError(authentication.refusal);
  return authentication.actor;
}
