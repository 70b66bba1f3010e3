/** Converts recorded events to messages. */
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import {
  type Event,
  EventSchema,
  Initiator,
  type PersonChangeSchema,
} from "../../../../gen/lockkeeper/event/v1/event_pb.ts";
import type { PersonChange, RestrictionRecord, UserEvent } from "../../../domain/event.ts";
import { type Initiator as InitiatorName, initiatorOf } from "../../../domain/initiator.ts";
import { PROFILE_FIELDS, type Profile, type ProfileField } from "../../../domain/user.ts";
import type { DomainEvent } from "../../../store/commands.ts";
import type { ListedEvent } from "../../../store/queries.ts";
import { toTimestamp } from "../../times.ts";
import { type ConfigurationEvent, type Payload, toConfigurationPayload } from "./configuration-event.ts";
import {
  toAttributesMessage,
  toCauseValue,
  toKindValue,
  toProfileMessage,
  toRestrictionMessage,
} from "./user-message.ts";

const INITIATOR_VALUES: Readonly<Record<InitiatorName, Initiator>> = {
  ADMIN: Initiator.ADMIN,
  POLICY: Initiator.POLICY,
  SYSTEM: Initiator.SYSTEM,
  PERSON: Initiator.PERSON,
};

/**
 * Returns a recorded event as a message. `seesPersonal`: the caller may see personal values; otherwise they are absent,
 * and the message names them.
 */
export function toEventMessage(recorded: ListedEvent, { seesPersonal }: { readonly seesPersonal: boolean }): Event {
  const names = seesPersonal ? [] : Object.keys(recorded.event.personal).sort();
  const event = names.length === 0 ? recorded.event : withoutPersonal(recorded.event);
  const { note = "" } = event.personal;
  return create(EventSchema, {
    cursor: recorded.cursor,
    userId: recorded.userId ?? "",
    organizationId: recorded.organizationId ?? "",
    apiKeyId: recorded.apiKeyId ?? "",
    sequence: BigInt(recorded.sequence),
    time: toTimestamp(event.time),
    recordTime: toTimestamp(recorded.recordTime),
    actor: event.actor,
    initiator: INITIATOR_VALUES[initiatorOf(event)],
    via: recorded.via,
    requestId: recorded.requestId,
    hash: recorded.hash,
    note,
    withheldFields: names,
    payload: isOfUser(event) ? toPayload(event) : toConfigurationPayload(event),
  });
}

function withoutPersonal(event: DomainEvent): DomainEvent {
  return { ...event, personal: {} };
}

const CONFIGURATION_TYPES: Readonly<Record<ConfigurationEvent["type"], true>> = {
  OrganizationCreated: true,
  OrganizationUpdated: true,
  ApiKeyCreated: true,
  ApiKeyRotated: true,
  ApiKeyRevoked: true,
  PolicyUpdated: true,
  PolicyReset: true,
  GenerationRaised: true,
};

function isOfUser(event: DomainEvent): event is UserEvent {
  return !Object.hasOwn(CONFIGURATION_TYPES, event.type);
}

function toPayload(event: UserEvent): Payload {
  switch (event.type) {
    case "UserCreated":
      return {
        case: "userCreated",
        value: {
          change: toChange(event.data, event),
          recreated: event.data.recreated,
          reasonCode: event.data.reasonCode,
        },
      };
    case "UserImported": {
      const { created, recreated, creationTime, restrictions, sessionsRevoked } = event.data;
      return {
        case: "userImported",
        value: {
          change: toChange(event.data, event),
          created,
          recreated,
          ...(creationTime === undefined ? {} : { creationDate: toTimestamp(creationTime) }),
          restrictions: restrictions.map((r) =>
            toRestrictionMessage({ ...r, note: event.personal[`note.${r.id}`] ?? "" }),
          ),
          sessionsRevoked,
        },
      };
    }
    case "UserUpdated":
      return { case: "userUpdated", value: { change: toChange(event.data, event), reasonCode: event.data.reasonCode } };
    case "UserDeleted":
      return { case: "userDeleted", value: { reasonCode: event.data.reasonCode, erased: event.data.erased === true } };
    case "UserLocked":
      return { case: "userLocked", value: toImposed(event.data, event) };
    case "UserBanned":
      return { case: "userBanned", value: toImposed(event.data, event) };
    case "UserDeactivated":
      return { case: "userDeactivated", value: toImposed(event.data, event) };
    case "UserUnlocked":
      return { case: "userUnlocked", value: toLifted(event.data) };
    case "UserUnbanned":
      return { case: "userUnbanned", value: toLifted(event.data) };
    case "UserReactivated":
      return { case: "userReactivated", value: toLifted(event.data) };
    case "RestrictionStarted":
      return {
        case: "restrictionStarted",
        value: { ...toDue(event.data), sessionsRevoked: event.data.sessionsRevoked },
      };
    case "UserSessionsRevoked":
      return { case: "userSessionsRevoked", value: event.data };
    case "EventRedacted": {
      const { sequence, fields, cleared, reasonCode } = event.data;
      const value = { sequence: BigInt(sequence), fields: [...fields], clearedFields: [...cleared], reasonCode };
      return { case: "eventRedacted", value };
    }
    case "SessionRevoked":
      return { case: "sessionRevoked", value: { sessionId: event.data.sessionId } };
    case "RestrictionExpired":
      return { case: "restrictionExpired", value: toDue(event.data) };
    default:
      return event satisfies never;
  }
}

type Of<T extends UserEvent["type"]> = Extract<UserEvent, { type: T }>["data"];

function toImposed(data: Of<"UserLocked">, event: UserEvent) {
  const record: RestrictionRecord = data.restriction;
  return {
    restriction: toRestrictionMessage({ ...record, note: event.personal.note ?? "", actor: event.actor }),
    replacedRestrictionId: data.replacedId ?? "",
    sessionsRevoked: data.sessionsRevoked,
  };
}

function toLifted(data: Of<"UserUnlocked">) {
  return { restrictionIds: [...data.restrictionIds], reasonCode: data.reasonCode };
}

function toDue(data: Of<"RestrictionExpired">) {
  return { restrictionId: data.restrictionId, kind: toKindValue(data.kind), cause: toCauseValue(data.cause) };
}

function toChange(change: PersonChange, { personal }: UserEvent): MessageInitShape<typeof PersonChangeSchema> {
  const profile: Partial<Record<ProfileField, string>> & { emailVerified?: true } = {};
  const attributes: Record<string, string> = {};
  for (const name of change.set) {
    const value = personal[name];
    if (value === undefined) continue;
    const field = PROFILE_FIELDS.find((f) => name === `profile.${f}`);
    if (field !== undefined) profile[field] = value;
    else if (name.startsWith("attributes.")) attributes[name.slice("attributes.".length)] = value;
  }
  if (change.locale) profile.locale = change.locale;
  if (change.emailVerified) profile.emailVerified = true;
  return {
    setFields: [...change.set, ...flagged(change, true)],
    clearedFields: [...change.cleared, ...flagged(change, false)],
    profile: toProfileMessage(profile satisfies Profile),
    attributes: toAttributesMessage(attributes),
  };
}

/** Returns the names of the fields that are not personal and that a change sets, or clears. */
function flagged(change: PersonChange, set: boolean): string[] {
  const names: string[] = [];
  if (change.emailVerified === set) names.push("profile.emailVerified");
  if (change.locale !== undefined && (change.locale !== "") === set) names.push("profile.locale");
  return names;
}
