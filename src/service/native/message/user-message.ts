/** Converts users, restrictions and details to messages, and back. */
import { create, type JsonObject, type MessageInitShape } from "@bufbuild/protobuf";
import type { DetailsSchema } from "../../../../gen/lockkeeper/resource/v1/details_pb.ts";
import type { Profile as ProfileMessage, ProfileSchema } from "../../../../gen/lockkeeper/resource/v1/profile_pb.ts";
import {
  Cause,
  RestrictionKind,
  type RestrictionSchema,
} from "../../../../gen/lockkeeper/resource/v1/restriction_pb.ts";
import { State, type User as UserMessage, UserSchema } from "../../../../gen/lockkeeper/user/v1/user_pb.ts";
import { canonicalJson, type Json } from "../../../domain/canonical-json.ts";
import { revocationEpochOf } from "../../../domain/instance.ts";
import type * as domain from "../../../domain/restriction.ts";
import {
  type Attributes,
  PROFILE_FIELDS,
  type Profile,
  type ProfileField,
  stateOf,
  type User,
  type State as UserStateName,
} from "../../../domain/user.ts";
import { toTimestamp } from "../../times.ts";

const STATE_VALUES: Readonly<Record<UserStateName, State>> = {
  ACTIVE: State.ACTIVE,
  LOCKED: State.LOCKED,
  INACTIVE: State.INACTIVE,
  BANNED: State.BANNED,
  DELETED: State.DELETED,
};

const KIND_VALUES: Readonly<Record<domain.RestrictionKind, RestrictionKind>> = {
  LOCK: RestrictionKind.LOCK,
  BAN: RestrictionKind.BAN,
  DEACTIVATION: RestrictionKind.DEACTIVATION,
};

const CAUSE_VALUES: Readonly<Record<domain.Cause, Cause>> = {
  ADMIN: Cause.ADMIN,
  POLICY: Cause.POLICY,
  DIRECTORY: Cause.DIRECTORY,
  RECOVERY: Cause.RECOVERY,
};

export function toStateValue(state: UserStateName): State {
  return STATE_VALUES[state];
}

export function toKindValue(kind: domain.RestrictionKind): RestrictionKind {
  return KIND_VALUES[kind];
}

export function toCauseValue(cause: domain.Cause): Cause {
  return CAUSE_VALUES[cause];
}

/** Returns the name of an enum value; `undefined` for the unspecified one. */
export function stateNameOf(value: State): UserStateName | undefined {
  return keyOf(STATE_VALUES, value);
}

export function kindNameOf(value: RestrictionKind): domain.RestrictionKind | undefined {
  return keyOf(KIND_VALUES, value);
}

export function causeNameOf(value: Cause): domain.Cause | undefined {
  return keyOf(CAUSE_VALUES, value);
}

function keyOf<K extends string, V>(values: Readonly<Record<K, V>>, value: V): K | undefined {
  for (const key in values) if (values[key] === value) return key;
  return undefined;
}

/** Returns the sequence, dates and owner of a resource. */
export function toDetails(resource: {
  readonly sequence: number;
  readonly creationTime: number;
  readonly changeTime: number;
  readonly organizationId?: string | null;
}): MessageInitShape<typeof DetailsSchema> {
  return {
    sequence: BigInt(resource.sequence),
    creationDate: toTimestamp(resource.creationTime),
    changeDate: toTimestamp(resource.changeTime),
    resourceOwner: resource.organizationId ?? "",
  };
}

export function toRestrictionMessage(restriction: domain.Restriction): MessageInitShape<typeof RestrictionSchema> {
  return {
    restrictionId: restriction.id,
    kind: toKindValue(restriction.kind),
    cause: toCauseValue(restriction.cause),
    reasonCode: restriction.reasonCode,
    note: restriction.note,
    actor: restriction.actor,
    startTime: toTimestamp(restriction.startTime),
    ...(restriction.expireTime === null ? {} : { expireTime: toTimestamp(restriction.expireTime) }),
    scheduled: !restriction.started,
    revokeSessions: restriction.revokeSessions,
  };
}

/** Returns a settled user as a message. `generation`: the instance's. */
export function toUserMessage({ state, person }: User, generation: number): UserMessage {
  return create(UserSchema, {
    userId: state.id,
    state: toStateValue(stateOf(state)),
    details: toDetails(state),
    restrictions: state.restrictions.map(toRestrictionMessage),
    revocationEpoch: revocationEpochOf(generation, state.epoch),
    profile: toProfileMessage(person.profile),
    attributes: toAttributesMessage(person.attributes),
  });
}

/** Returns the answer of a change of a user. */
export function toUserAnswer(
  user: User,
  generation: number,
): { details: MessageInitShape<typeof DetailsSchema>; user: UserMessage } {
  return { details: toDetails(user.state), user: toUserMessage(user, generation) };
}

export function toProfileMessage(profile: Profile): MessageInitShape<typeof ProfileSchema> {
  return { ...profile, emailVerified: profile.emailVerified ?? false };
}

export function toAttributesMessage(attributes: Attributes): { [namespace: string]: JsonObject } {
  const message: { [namespace: string]: JsonObject } = {};
  for (const [namespace, text] of Object.entries(attributes)) message[namespace] = JSON.parse(text) as JsonObject;
  return message;
}

/** Returns the profile of a request; empty fields count as absent. */
export function toProfile(message: ProfileMessage | undefined): Profile {
  const profile: Partial<Record<ProfileField, string>> & { emailVerified?: true } = {};
  if (message === undefined) return profile;
  for (const field of PROFILE_FIELDS) if (message[field]) profile[field] = message[field];
  if (message.emailVerified) profile.emailVerified = true;
  return profile;
}

export function toAttributes(message: { readonly [namespace: string]: JsonObject }): Attributes {
  const attributes: Record<string, string> = {};
  for (const [namespace, value] of Object.entries(message)) attributes[namespace] = canonicalJson(value as Json);
  return attributes;
}
