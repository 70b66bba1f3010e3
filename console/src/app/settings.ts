/** What the service tells the page before anybody signs in. */
import { Code, ConnectError } from "@connectrpc/connect";
import { fetchAnswer } from "../wire/fetch-answer.ts";
import { BASE } from "./routes.ts";

/** An OIDC issuer at which staff may sign in. */
export interface Issuer {
  readonly issuer: string;
  readonly clientId: string;
  readonly scopes: readonly string[];
  readonly audience?: string;
  readonly resource?: string;
}

export interface Settings {
  readonly version: string;
  readonly issuers: readonly Issuer[];
}

/** Reads the settings from the service. Rejects when it does not answer. */
export async function readSettings(): Promise<Settings> {
  const answer = await fetchAnswer(`${BASE}/config.json`, { headers: { accept: "application/json" } });
  if (!answer.ok) throw new ConnectError(`the settings of the console answer ${answer.status}`, Code.Unavailable);
  return (await answer.json()) as Settings;
}
