/** Support for tests of sessions: sessions with their tokens, which the SDK does not show, and plain calls. */
import assert from "node:assert/strict";
import { type Answered, type ErrorJson, type Sent, send } from "./clients.ts";

/** A session as it is on the wire. */
export interface SessionJson {
  readonly object: string;
  readonly id: string;
  readonly user_id: string;
  readonly client_id: string;
  readonly status: string;
  readonly last_active_at: number;
  readonly latest_activity: object | null;
  readonly expire_at: number;
  readonly abandon_at: number;
  readonly created_at: number;
  readonly updated_at: number;
  /** Present if the session was just created. */
  readonly token?: string;
}

export function sessionIn({ status, json }: Answered): SessionJson {
  assert.equal(status, 200, JSON.stringify(json));
  return json as SessionJson;
}

/** A new session and its token. */
export async function openSession(url: string, userId: string): Promise<SessionJson & { readonly token: string }> {
  const session = sessionIn(await send(url, "/sessions", { body: { user_id: userId } }));
  return { ...session, token: session.token ?? assert.fail("there is no token") };
}

export async function getSession(url: string, id: string): Promise<SessionJson> {
  return sessionIn(await send(url, `/sessions/${id}`));
}

export async function revoke(url: string, id: string): Promise<SessionJson> {
  return sessionIn(await send(url, `/sessions/${id}/revoke`, { method: "POST" }));
}

export function verify(url: string, id: string, token: string, sent: Sent = {}): Promise<Answered> {
  return send(url, `/sessions/${id}/verify`, { ...sent, body: { token } });
}

/** A page of sessions with the total. */
export async function list(
  url: string,
  query: string,
  sent?: Sent,
): Promise<{ readonly data: readonly SessionJson[]; readonly total_count: number }> {
  const { status, json } = await send(url, `/sessions?paginated=true&${query}`, sent);
  assert.equal(status, 200, JSON.stringify(json));
  return json as { readonly data: readonly SessionJson[]; readonly total_count: number };
}

/** Status and code of a call that is refused with one error. */
export function refusedWith({ status, json }: Answered): readonly [status: number, code: string | undefined] {
  return [status, (json as ErrorJson).errors?.[0]?.code];
}
