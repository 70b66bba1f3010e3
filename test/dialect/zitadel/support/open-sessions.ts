/** Sessions of the dialect over REST, for tests. */
import assert from "node:assert/strict";
import type { JsonObject } from "@bufbuild/protobuf";
import type { Lab, RestCall } from "./lab.ts";

export interface Opened {
  readonly id: string;
  readonly token: string;
}

/** A request for a session of this user. */
export function forUser(userId: string): JsonObject {
  return { checks: { user: { userId } } };
}

/** Opens a session over REST, with the owner's key unless the call has another one. */
export async function open(lab: Lab, userId: string, body: JsonObject = {}, call: RestCall = {}): Promise<Opened> {
  const { status, json } = await lab.rest("POST /v2/sessions", { ...call, body: { ...forUser(userId), ...body } });
  assert.equal(status, 201, JSON.stringify(json));
  return { id: String(json.sessionId), token: String(json.sessionToken) };
}

/** Returns the ids of the sessions that a search finds. */
export async function idsOf(lab: Lab, body: JsonObject = {}, call: RestCall = {}): Promise<readonly string[]> {
  const { status, json } = await lab.rest("POST /v2/sessions/search", { ...call, body });
  assert.equal(status, 200, JSON.stringify(json));
  const sessions = (json.sessions ?? []) as unknown as readonly { readonly id: string }[];
  return sessions.map(({ id }) => id);
}
