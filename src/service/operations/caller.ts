/** Who asks for an operation, and in which organization a caller may look and write. */
import { hash } from "node:crypto";
import { type Actor, credentialOf, permissionMissing, scopeExceeded } from "../../auth/actor.ts";
import type { Admission } from "../../auth/admission.ts";
import type { Permission } from "../../auth/permissions.ts";
import type { CommandContext } from "../../domain/command.ts";
import { DEFAULT_ORGANIZATION_ID } from "../../domain/organization.ts";
import { RefusalError, shown } from "../../domain/refusal.ts";
import type { Command, ExecuteOptions, Lane, ResourceOf } from "../../store/commands.ts";
import type { Store } from "../../store/store.ts";

/** The caller of an operation. A native call is one as it is. */
export interface Caller {
  readonly admission: Admission;
  /** The wire or dialect by which the call came; the history shows it. */
  readonly wire: string;
  /** When the caller stops waiting, in milliseconds since the epoch; `undefined`: never. */
  readonly deadlineTime?: number | undefined;
  /** Aborts when nobody waits for the answer any more. */
  readonly signal?: AbortSignal;
}

/** A caller that may have to wait. */
export type WaitingCaller = Caller & { readonly deadlineTime: number | undefined; readonly signal: AbortSignal };

/** How a change is to be made. */
export interface ChangeTerms {
  /** Where the change may act, from `readScope`; `null`: in the whole instance. Absent: wherever the caller may. */
  readonly scope?: string | null;
  /** Check and answer what would be, store nothing. Absent: store it. */
  readonly validateOnly?: boolean;
  /** Absent: the request is not remembered. `content`: SHA-256 of the rest of the request as the caller sent it. */
  readonly request?: Omit<NonNullable<CommandContext["request"]>, "scope"> | undefined;
  /** Absent: interactive. */
  readonly lane?: Lane;
}

/** No organization has the empty id: the scope that matches nothing. */
export const NOWHERE = "";

/**
 * Returns where a caller's read of one thing, or command on it, looks. A caller of one organization that names another
 * one finds nothing. `organizationId`: as the request names it; empty: not named.
 */
export function readScope(actor: Actor, organizationId: string): string | null {
  if (actor.scope === null) return organizationId === "" ? null : organizationId;
  return organizationId === "" || organizationId === actor.scope ? actor.scope : NOWHERE;
}

/** Returns where a caller's list looks. Throws SCOPE_EXCEEDED when a caller of one organization names another one. */
export function listScope(actor: Actor, organizationId: string): string | null {
  const scope = readScope(actor, organizationId);
  if (scope !== NOWHERE) return scope;
  throw new RefusalError(scopeExceeded(`organization_id is ${shown(organizationId)}`, actor.scope ?? ""));
}

/** Returns the organization that owns what is made: the one named, the caller's own, or `default`. Throws SCOPE_EXCEEDED. */
export function writeOrganization(actor: Actor, organizationId: string): string {
  return listScope(actor, organizationId) ?? DEFAULT_ORGANIZATION_ID;
}

/** Throws SCOPE_EXCEEDED for a caller of one organization. `what`: what is asked for, the beginning of a sentence. */
export function assertInstance({ scope }: Actor, what: string): void {
  if (scope !== null) throw new RefusalError(scopeExceeded(what, scope));
}

/** Throws PERMISSION_MISSING unless the caller has the permission. `what`: the operation, the beginning of a sentence. */
export function assertPermission(actor: Actor, permission: Permission, what: string): void {
  if (!actor.permissions.has(permission)) throw new RefusalError(permissionMissing(what, [permission]));
}

/** Returns what every command carries of its caller. */
export function contextOf(caller: Caller, terms: ChangeTerms = {}): CommandContext {
  const { actor } = caller.admission;
  const { scope = actor.scope, validateOnly = false, request } = terms;
  return {
    actor: actor.id,
    ...credentialOf(actor),
    via: caller.wire,
    scope,
    validateOnly,
    ...(request === undefined
      ? {}
      : { request: { ...request, scope: actor.scope ?? "", content: withAdded(request.content, actor) } }),
  };
}

/**
 * The content with the organization that authorization added to the request. That of an API key never changes, so for
 * keys nothing is added, and what was remembered before this rule still compares.
 */
function withAdded(content: Uint8Array, { keyId, scope }: Actor): Uint8Array {
  if (keyId !== undefined || scope === null) return content;
  return hash("sha256", Buffer.concat([content, Buffer.from(scope)]), "buffer");
}

/** Decides a command and makes it durable. Rejects with RefusalError. */
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

const PAGE_SIZE_DEFAULT = 100;
const PAGE_SIZE_MAX = 1000;

/** Returns the page that a list reads: a size of 0 is the default of 100, one above 1,000 is 1,000. An empty token: the first. */
export function pageOf({ pageSize, pageToken }: { readonly pageSize: number; readonly pageToken: string }): {
  readonly pageSize: number;
  readonly after?: string;
} {
  const size = pageSize === 0 ? PAGE_SIZE_DEFAULT : Math.min(pageSize, PAGE_SIZE_MAX);
  return pageToken === "" ? { pageSize: size } : { pageSize: size, after: pageToken };
}
