/** Rebuilds resources from their recorded events; rows hold nothing more than this. */
import { type ApiKey, type ApiKeyEvent, evolveApiKey } from "../../domain/api-key.ts";
import type { UserEvent } from "../../domain/event.ts";
import { evolve } from "../../domain/evolve.ts";
import { evolveOrganization, type Organization, type OrganizationEvent } from "../../domain/organization.ts";
import type { User } from "../../domain/user.ts";
import type { DomainEvent } from "../commands.ts";
import type { RecordedEvent } from "../queries.ts";
import { commit, type DecodedBody, decodeBody, type PrivateValues } from "./event-encoding.ts";

/** Builds an event from its body, its columns and the personal values that are not erased. */
export function toDomainEvent(
  body: DecodedBody,
  columns: { readonly time: number; readonly actor: string },
  privateValues: PrivateValues | null,
): DomainEvent {
  const personal = Object.fromEntries(
    Object.entries(privateValues ?? {}).map(([name, [, value]]): [string, string] => [name, value]),
  );
  // The writer encoded a DomainEvent of this type; the hash shows that nothing changed since.
  return { type: body.type, data: body.data, time: columns.time, actor: columns.actor, personal } as DomainEvent;
}

/** Returns the names of personal values that differ from the event's commitments, and of those that are gone. */
export function judgePersonal(body: Uint8Array, privateValues: PrivateValues) {
  const { commitments } = decodeBody(body);
  const unfaithful = Object.entries(privateValues)
    .filter(([name, [salt, value]]) => {
      const expected = Object.hasOwn(commitments, name) ? commitments[name] : undefined;
      return commit(Buffer.from(salt, "base64"), name, value) !== expected;
    })
    .map(([name]) => name);
  return { unfaithful, gone: Object.keys(commitments).filter((name) => !Object.hasOwn(privateValues, name)) };
}

/** Returns the user after these events, oldest first. Throws when there are none. */
export function replayUser(events: readonly RecordedEvent[]): User {
  let user: User | undefined;
  for (const { event, userId, organizationId } of events) {
    user = evolve(user, event as UserEvent, userId ?? "", organizationId ?? "");
  }
  if (user === undefined) throw new Error("replayUser: a user has at least one event");
  return user;
}

/** Returns the organization after these events, oldest first. Throws when there are none. */
export function replayOrganization(events: readonly RecordedEvent[]): Organization {
  let organization: Organization | undefined;
  for (const { event, organizationId } of events) {
    organization = evolveOrganization(organization, event as OrganizationEvent, organizationId ?? "");
  }
  if (organization === undefined) throw new Error("replayOrganization: an organization has at least one event");
  return organization;
}

/**
 * Returns the API key after these events, oldest first. Throws when there are none. The day of last use is not an
 * event.
 */
export function replayApiKey(keyId: string, events: readonly RecordedEvent[]): ApiKey {
  let key: ApiKey | undefined;
  for (const { event } of events) key = evolveApiKey(key, event as ApiKeyEvent, keyId);
  if (key === undefined) throw new Error("replayApiKey: an API key has at least one event");
  return key;
}
