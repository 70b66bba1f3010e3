/** The names of all event types: of users, organizations, API keys, policies and the instance. */
import type { ApiKeyEvent } from "./api-key.ts";
import type { UserEventType } from "./event.ts";
import type { InstanceEvent } from "./instance.ts";
import type { OrganizationEvent } from "./organization.ts";
import type { PolicyEvent } from "./policy.ts";

export type EventType =
  | UserEventType
  | OrganizationEvent["type"]
  | ApiKeyEvent["type"]
  | PolicyEvent["type"]
  | InstanceEvent["type"];

/** A record, so that the compiler finds a type that is missing. */
const TYPES: Readonly<Record<EventType, true>> = {
  UserCreated: true,
  UserImported: true,
  UserUpdated: true,
  UserDeleted: true,
  UserLocked: true,
  UserUnlocked: true,
  UserBanned: true,
  UserUnbanned: true,
  UserDeactivated: true,
  UserReactivated: true,
  RestrictionStarted: true,
  RestrictionExpired: true,
  UserSessionsRevoked: true,
  SessionRevoked: true,
  EventRedacted: true,
  OrganizationCreated: true,
  OrganizationUpdated: true,
  ApiKeyCreated: true,
  ApiKeyRotated: true,
  ApiKeyRevoked: true,
  PolicyUpdated: true,
  PolicyReset: true,
  GenerationRaised: true,
};

export const EVENT_TYPES = Object.keys(TYPES) as readonly EventType[];
