/** Organizations, the owners of users. Their rules, commands and events. */
import type { CommandContext } from "./command.ts";
import { type Refusal, refuse, sequenceMismatch, shown } from "./refusal.ts";
import { isInScope } from "./sight.ts";

/** The organization that the first start creates. Calls that name no organization mean this one. */
export const DEFAULT_ORGANIZATION_ID = "default";

/** The default lock duration of a new organization: one hour. */
export const DEFAULT_LOCK_DURATION_MS = 3_600_000;

export interface Organization {
  readonly id: string;
  readonly displayName: string;
  /** How long a lock lasts if LockUser names no expiry, in milliseconds. */
  readonly defaultLockDurationMs: number;
  readonly sequence: number;
  readonly creationTime: number;
  readonly changeTime: number;
}

export interface CreateOrganization {
  readonly type: "CreateOrganization";
  readonly organizationId: string;
  readonly displayName: string;
  /** Absent: DEFAULT_LOCK_DURATION_MS. */
  readonly defaultLockDurationMs?: number;
  readonly context: CommandContext;
}

export interface UpdateOrganization {
  readonly type: "UpdateOrganization";
  readonly organizationId: string;
  /** Absent: unchanged. */
  readonly displayName?: string;
  /** Absent: unchanged. */
  readonly defaultLockDurationMs?: number;
  readonly expectedSequence?: number;
  readonly context: CommandContext;
}

export type OrganizationCommand = CreateOrganization | UpdateOrganization;

export type OrganizationEvent = {
  readonly time: number;
  readonly actor: string;
  readonly personal: Readonly<Record<string, string>>;
} & (
  | {
      readonly type: "OrganizationCreated";
      readonly data: { readonly displayName: string; readonly defaultLockDurationMs: number };
    }
  | {
      readonly type: "OrganizationUpdated";
      readonly data: { readonly displayName?: string; readonly defaultLockDurationMs?: number };
    }
);

export type OrganizationDecision =
  | { readonly ok: true; readonly events: readonly OrganizationEvent[] }
  | { readonly ok: false; readonly refusal: Refusal };

/** Decides a command on an organization. */
export function decideOrganization(
  organization: Organization | undefined,
  command: OrganizationCommand,
  now: number,
): OrganizationDecision {
  const { organizationId, context } = command;
  const envelope = { time: now, actor: context.actor, personal: {} };
  if (command.type === "CreateOrganization") {
    if (organization !== undefined) {
      return {
        ok: false,
        refusal: refuse("ORGANIZATION_ALREADY_EXISTS", `the organization id ${shown(organizationId)} is taken`, {
          metadata: { organizationId },
        }),
      };
    }
    const { displayName, defaultLockDurationMs = DEFAULT_LOCK_DURATION_MS } = command;
    return {
      ok: true,
      events: [{ ...envelope, type: "OrganizationCreated", data: { displayName, defaultLockDurationMs } }],
    };
  }
  if (organization === undefined || !isInScope(organizationId, context.scope)) {
    return { ok: false, refusal: organizationNotFound(organizationId) };
  }
  const { expectedSequence } = command;
  if (expectedSequence !== undefined && expectedSequence !== organization.sequence) {
    return {
      ok: false,
      refusal: sequenceMismatch("organization", organizationId, {
        expected: expectedSequence,
        sequence: organization.sequence,
      }),
    };
  }
  const { displayName, defaultLockDurationMs } = command;
  const data = {
    ...(displayName === undefined || displayName === organization.displayName ? {} : { displayName }),
    ...(defaultLockDurationMs === undefined || defaultLockDurationMs === organization.defaultLockDurationMs
      ? {}
      : { defaultLockDurationMs }),
  };
  if (Object.keys(data).length === 0) return { ok: true, events: [] };
  return { ok: true, events: [{ ...envelope, type: "OrganizationUpdated", data }] };
}

export function evolveOrganization(
  before: Organization | undefined,
  event: OrganizationEvent,
  id: string,
): Organization {
  return {
    id,
    displayName: event.data.displayName ?? before?.displayName ?? "",
    defaultLockDurationMs:
      event.data.defaultLockDurationMs ?? before?.defaultLockDurationMs ?? DEFAULT_LOCK_DURATION_MS,
    sequence: (before?.sequence ?? 0) + 1,
    creationTime: before?.creationTime ?? event.time,
    changeTime: event.time,
  };
}

/** The same refusal for an organization that never existed and for one outside the caller's scope. */
export function organizationNotFound(organizationId: string): Refusal {
  return refuse("ORGANIZATION_NOT_FOUND", `there is no organization with the id ${shown(organizationId)}`, {
    metadata: { organizationId },
  });
}
