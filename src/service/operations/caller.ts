/** The caller of an operation, and where it may read and write. */
import { hash } from "node:crypto";
import { type Actor, credentialOf, permissionMissing, scopeExceeded } from "../../auth/actor.ts";
import type { Admission } from "../../auth/admission.ts";
import type { Permission } from "../../auth/permissions.ts";
import type { CommandContext } from "../../domain/command.ts";
import { DEFAULT_ORGANIZATION_ID } from "../../domain/organization.ts";
import { RefusalError, shown } from "../../domain/refusal.ts";
import type { Command, ExecuteOptions, Lane, ResourceOf } from "../../store/commands.ts";
import type { Store } from "../../store/store.ts";

/** The caller of an operation. A native call has this shape. */
export interface Caller {
  readonly admission: Admission;
  /** The wire or dialect of the call; the history shows it. */
  readonly wire: string;
  /** When the caller stops waiting, in milliseconds since the epoch; `undefined`: never. */
  readonly deadlineTime?: number | undefined;
  /** Aborts when nobody waits for the answer any more. */
  readonly signal?: AbortSignal;
}

/** A caller that may have to wait. */
export type WaitingCaller = Caller & { readonly deadlineTime: number | undefined; readonly signal: AbortSignal };

/** How to make a change. */
export interface ChangeTerms {
  /** The scope of the change, from `readScope`; `null`: the whole instance. Absent: the caller's own scope. */
  readonly scope?: string | null;
  /** Check the change and return what would result; store nothing. Absent: store it. */
  readonly validateOnly?: boolean;
  /** Absent: the request is not remembered. `content`: SHA-256 of the rest of the request as the caller sent it. */
  readonly request?: Omit<NonNullable<CommandContext["request"]>, "scope"> | undefined;
  /** Absent: interactive. */
  readonly lane?: Lane;
}

/** No organization has the empty id: the scope that matches nothing. */
export const NOWHERE = "";

/**
 * Returns the scope in which a caller reads or changes one resource. A caller of one organization that names another
 * one finds nothing. `organizationId`: as the request names it; empty: not named.
 */
export function readScope(actor: Actor, organizationId: string): string | null {
  if (actor.scope === null) return organizationId === "" ? null : organizationId;
  return organizationId === "" || organizationId === actor.scope ? actor.scope : NOWHERE;
}

/** Returns the scope of a caller's list. Throws SCOPE_EXCEEDED if a caller of one organization names another one. */
export function listScope(actor: Actor, organizationId: string): string | null {
  const scope = readScope(actor, organizationId);
  if (scope !== NOWHERE) return scope;
  throw new RefusalError(scopeExceeded(`organization_id is ${shown(organizationId)}`, actor.scope ?? ""));
}

/** Returns the owner of a new resource: the named organization, the caller's, or `default`. Throws SCOPE_EXCEEDED. */
export function writeOrganization(actor: Actor, organizationId: string): string {
  return listScope(actor, organizationId) ?? DEFAULT_ORGANIZATION_ID;
}

/** Throws SCOPE_EXCEEDED for a caller of one organization. `what`: the request, as the beginning of a sentence. */
export function assertInstance({ scope }: Actor, what: string): void {
  if (scope !== null) throw new RefusalError(scopeExceeded(what, scope));
}

/**
 * Throws PERMISSION_MISSING unless the caller has the permission. `what`: the operation, as the beginning of a
 * sentence.
 */
export function assertPermission(actor: Actor, permission: Permission, what: string): void {
  if (!actor.permissions.has(permission)) throw new RefusalError(permissionMissing(what, [permission]));
}

/** Returns the context of a command. From then on the command decides whether the caller's credential is valid. */
export function contextOf({ admission, wire }: Caller, terms: ChangeTerms = {}): CommandContext {
  const { actor } = admission;
  admission.sendsCommand = true;
  const { scope = actor.scope, validateOnly = false, request } = terms;
  return {
    actor: actor.id,
    ...credentialOf(actor),
    via: wire,
    scope,
    validateOnly,
    ...(request === undefined
      ? {}
      : { request: { ...request, scope: actor.scope ?? "", content: withAdded(request.content, actor) } }),
  };
}

/**
 * Adds the organization that authorization added to the request. That of an API key never changes, so for keys nothing
 * is added, and requests that were remembered before this rule still compare equal.
 */
function withAdded(content: Uint8Array, { keyId, scope }: Actor): Uint8Array {
  if (keyId !== undefined || scope === null) return content;
  return hash("sha256", Buffer.concat([content, Buffer.from(scope)]), "buffer");
}

/** Decides a command, makes it durable and returns its resource. Rejects with RefusalError. */
export async function execute<C extends Command>(
  store: Store,
  command: C,
  { deadlineTime }: Pick<Caller, "deadlineTime">,
  lane?: Lane,
): Promise<ResourceOf<C>> {
  const options: ExecuteOptions = lane === undefined ? { deadlineTime } : { deadlineTime, lane };
  const outcome = await store.execute(command, options);
  if (!outcome.ok) throw new RefusalError(outcome.refusal);
  return outcome.resource;
}

const TRIES_MAX = 20;

/**
 * Runs `change`, and runs it again when a concurrent change came first. It reads, decides, and expects the sequence that
 * it read. Rejects with SEQUENCE_MISMATCH after 20 tries.
 */
export async function retryOvertaken<T>(change: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await change();
    } catch (error) {
      const isOvertaken = error instanceof RefusalError && error.refusal.reason === "SEQUENCE_MISMATCH";
      if (!isOvertaken || tries === TRIES_MAX) throw error;
    }
  }
}

const PAGE_SIZE_DEFAULT = 100;
const PAGE_SIZE_MAX = 1000;

/** Returns the page to read. Size 0 means 100, sizes above 1,000 mean 1,000. An empty token: the first page. */
export function pageOf({ pageSize, pageToken }: { readonly pageSize: number; readonly pageToken: string }): {
  readonly pageSize: number;
  readonly after?: string;
} {
  const size = pageSize === 0 ? PAGE_SIZE_DEFAULT : Math.min(pageSize, PAGE_SIZE_MAX);
  return pageToken === "" ? { pageSize: size } : { pageSize: size, after: pageToken };
}
