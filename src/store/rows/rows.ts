/** Converts rows to domain objects and back. */
import type { ApiKey, EarlierSecret } from "../../domain/api-key.ts";
import type { Organization } from "../../domain/organization.ts";
import type { Cause, Restriction, RestrictionKind } from "../../domain/restriction.ts";
import { toSearchKey } from "../../domain/search-key.ts";
import type { Session } from "../../domain/session.ts";
import { type Attributes, nextDue, type Person, type Profile, stateOf, type UserState } from "../../domain/user.ts";
import { decodeBody, type PrivateValues } from "../log/event-encoding.ts";
import { toDomainEvent } from "../log/replay.ts";
import type { RecordedEvent } from "../queries.ts";
import type {
  ApiKeyTable,
  EventTable,
  OrganizationTable,
  SessionTable,
  UserProfileTable,
  UserStateTable,
} from "./schema.ts";

/** One bit per kind, so that the partial index finds users with a kind whatever other kinds they have. */
export const KIND_BITS: Readonly<Record<RestrictionKind, number>> = { LOCK: 1, BAN: 2, DEACTIVATION: 4 };

/** Returns all sums of KIND_BITS that contain at least one of these kinds. */
export function toKindMasks(kinds: readonly RestrictionKind[]): readonly number[] {
  const wanted = kinds.reduce((mask, kind) => mask | KIND_BITS[kind], 0);
  return [1, 2, 3, 4, 5, 6, 7].filter((mask) => (mask & wanted) !== 0);
}

const NO_RESTRICTIONS: readonly Restriction[] = [];

/**
 * A restriction in a row: its members without names, flags as 0 and 1. This is less than half as long. Locks make rows
 * grow, and a row that no longer fits into its page costs another page in the commit.
 */
type RestrictionTuple = readonly [
  id: string,
  kind: RestrictionKind,
  cause: Cause,
  reasonCode: string,
  note: string,
  actor: string,
  startTime: number,
  expireTime: number | null,
  started: 0 | 1,
  revokeSessions: 0 | 1,
];

function toRestrictionsText(restrictions: readonly Restriction[]): string {
  return JSON.stringify(
    restrictions.map(
      (r): RestrictionTuple => [
        r.id,
        r.kind,
        r.cause,
        r.reasonCode,
        r.note,
        r.actor,
        r.startTime,
        r.expireTime,
        r.started ? 1 : 0,
        r.revokeSessions ? 1 : 0,
      ],
    ),
  );
}

/** `text`: of the column; null: there are none. */
export function parseRestrictions(text: string | null): readonly Restriction[] {
  if (text === null) return NO_RESTRICTIONS;
  // toRestrictionsText wrote the column.
  return (JSON.parse(text) as RestrictionTuple[]).map(
    ([id, kind, cause, reasonCode, note, actor, startTime, expireTime, started, revokeSessions]) => ({
      id,
      kind,
      cause,
      reasonCode,
      note,
      actor,
      startTime,
      expireTime,
      started: started === 1,
      revokeSessions: revokeSessions === 1,
    }),
  );
}

export function toUserStateRow(state: UserState, lastPosition: number): UserStateTable {
  return {
    id: state.id,
    organization_id: state.organizationId,
    state: stateOf(state),
    kinds: state.restrictions.reduce((mask, { kind }) => mask | KIND_BITS[kind], 0),
    sequence: state.sequence,
    epoch: state.epoch,
    creation_time: state.creationTime,
    change_time: state.changeTime,
    next_due: nextDue(state),
    last_position: lastPosition,
    restrictions: state.restrictions.length === 0 ? null : toRestrictionsText(state.restrictions),
  };
}

export function toProfile({ profile }: Pick<UserProfileTable, "profile">): Profile {
  return JSON.parse(profile) as Profile;
}

export function toAttributes({ attributes }: Pick<UserProfileTable, "attributes">): Attributes {
  return JSON.parse(attributes) as Attributes;
}

export function toUserProfileRow({ id, organizationId, creationTime }: UserState, person: Person): UserProfileTable {
  const { profile, attributes } = person;
  return {
    id,
    organization_id: organizationId,
    creation_time: creationTime,
    profile: JSON.stringify(profile),
    attributes: JSON.stringify(attributes),
    username_key: toKey(profile.username),
    email_key: toKey(profile.email),
  };
}

function toKey(text: string | undefined): string | null {
  return text === undefined || text === "" ? null : toSearchKey(text);
}

export function toOrganization(row: OrganizationTable): Organization {
  return {
    id: row.id,
    displayName: row.display_name,
    defaultLockDurationMs: row.default_lock_duration_ms,
    sequence: row.sequence,
    creationTime: row.creation_time,
    changeTime: row.change_time,
  };
}

export function toOrganizationRow(organization: Organization, lastPosition: number): OrganizationTable {
  return {
    id: organization.id,
    display_name: organization.displayName,
    default_lock_duration_ms: organization.defaultLockDurationMs,
    sequence: organization.sequence,
    creation_time: organization.creationTime,
    change_time: organization.changeTime,
    last_position: lastPosition,
  };
}

export function toApiKey(row: ApiKeyTable): ApiKey {
  return {
    id: row.id,
    secretHash: row.secret_hash,
    organizationId: row.organization_id,
    displayName: row.display_name,
    role: row.role,
    permissions: JSON.parse(row.permissions) as string[],
    expireTime: row.expire_time,
    revokeTime: row.revoke_time,
    rotateTime: row.rotate_time,
    earlierSecrets: JSON.parse(row.earlier_secrets) as EarlierSecret[],
    lastUsedDay: row.last_used_day,
    createdBy: row.created_by,
    sequence: row.sequence,
    creationTime: row.creation_time,
    changeTime: row.change_time,
  };
}

export function toApiKeyRow(key: ApiKey, lastPosition: number): ApiKeyTable {
  return {
    id: key.id,
    secret_hash: key.secretHash,
    organization_id: key.organizationId,
    display_name: key.displayName,
    role: key.role,
    permissions: JSON.stringify(key.permissions),
    expire_time: key.expireTime,
    revoke_time: key.revokeTime,
    rotate_time: key.rotateTime,
    earlier_secrets: JSON.stringify(key.earlierSecrets),
    last_used_day: key.lastUsedDay,
    created_by: key.createdBy,
    sequence: key.sequence,
    creation_time: key.creationTime,
    change_time: key.changeTime,
    last_position: lastPosition,
  };
}

/** From the end of a session to the `clear_time` of its row: a bound for rows that end later or earlier is shifted. */
const CLEAR_TIME_MS = 30 * 86_400_000;

/** Returns the `clear_time` before which rows are of sessions that ended longer ago than they are kept. */
export function clearTimeBefore(now: number, keptMs: number): number {
  return now + CLEAR_TIME_MS - keptMs;
}

export function toSession(row: Omit<SessionTable, "token_hash" | "clear_time">): Session {
  return {
    id: row.id,
    userId: row.user_id,
    organizationId: row.organization_id,
    generation: row.generation,
    epoch: row.epoch,
    sequence: row.sequence,
    creationTime: row.creation_time,
    changeTime: row.change_time,
    expireTime: row.expire_time,
    idleTimeoutMs: row.idle_timeout_ms,
    lastActivityTime: row.last_activity_time,
    revokeTime: row.revoke_time,
    userAgent: row.user_agent,
    ip: row.ip,
    attributes: JSON.parse(row.attributes) as Attributes,
    createdBy: row.created_by,
  };
}

export function toSessionRow(session: Session, tokenHash: string): SessionTable {
  return {
    id: session.id,
    token_hash: tokenHash,
    user_id: session.userId,
    organization_id: session.organizationId,
    generation: session.generation,
    epoch: session.epoch,
    sequence: session.sequence,
    creation_time: session.creationTime,
    change_time: session.changeTime,
    expire_time: session.expireTime,
    idle_timeout_ms: session.idleTimeoutMs,
    last_activity_time: session.lastActivityTime,
    revoke_time: session.revokeTime,
    clear_time: Math.min(session.expireTime, session.revokeTime ?? session.expireTime) + CLEAR_TIME_MS,
    user_agent: session.userAgent,
    ip: session.ip,
    attributes: JSON.stringify(session.attributes),
    created_by: session.createdBy,
  };
}

/** An event with its personal values as JSON; null: it has none, or they are erased. */
export type EventRow = EventTable & { readonly personal: string | null };

export function toRecordedEvent(row: EventRow): RecordedEvent {
  const privateValues = row.personal === null ? null : (JSON.parse(row.personal) as PrivateValues);
  const body = decodeBody(row.body);
  const erasedNames = Object.keys(body.commitments).filter((name) => !Object.hasOwn(privateValues ?? {}, name));
  return {
    position: row.position,
    previousPosition: row.previous_position,
    organizationId: row.organization_id,
    userId: row.user_id,
    ...(body.apiKeyId === undefined ? {} : { apiKeyId: body.apiKeyId }),
    sequence: row.sequence,
    recordTime: row.record_time,
    via: row.via,
    requestId: row.request_id,
    hash: row.hash,
    ...(erasedNames.length === 0 ? {} : { erasedNames }),
    event: toDomainEvent(body, row, privateValues),
  };
}
