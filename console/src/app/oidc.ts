/** Signing in at an OIDC issuer: the authorization code flow with PKCE (S256), state and nonce, as a public client. */
import { BASE } from "./routes.ts";
import type { Issuer } from "./settings.ts";

/** Where the issuer sends the browser back to, below `BASE`. */
export const CALLBACK_PATH = "/callback";

/** What has to survive the way to the issuer and back. It is of no use without the code, and is removed with it. */
const STORED_AS = "lockkeeper-sign-in";

interface Journey {
  readonly issuer: string;
  readonly state: string;
  readonly nonce: string;
  readonly verifier: string;
  /** The address that was asked for. */
  readonly path: string;
}

interface Discovery {
  readonly issuer: string;
  readonly authorization_endpoint: string;
  readonly token_endpoint: string;
  readonly authorization_response_iss_parameter_supported?: boolean;
}

/** An issuer did not sign the caller in. */
export class IssuerError extends Error {
  override readonly name = "IssuerError";
  readonly host: string;

  constructor(host: string, why: string) {
    super(why);
    this.host = host;
  }
}

/** Returns the name by which people know an issuer. */
export function hostOf({ issuer }: Issuer): string {
  return new URL(issuer).host;
}

/** Leaves for the issuer. `path`: where to return to, below `BASE`. Rejects with IssuerError if it does not answer. */
export async function startSignIn(issuer: Issuer, path: string): Promise<void> {
  const { authorization_endpoint } = await discover(issuer);
  const [state, nonce, verifier] = [randomText(), randomText(), randomText()];
  const journey: Journey = { issuer: issuer.issuer, state, nonce, verifier, path };
  sessionStorage.setItem(STORED_AS, JSON.stringify(journey));
  const address = new URL(authorization_endpoint);
  const { clientId, scopes, audience, resource } = issuer;
  const parameters = {
    response_type: "code",
    client_id: clientId,
    redirect_uri: redirectUri(),
    scope: scopes.join(" "),
    state,
    nonce,
    code_challenge: await challengeOf(verifier),
    code_challenge_method: "S256",
    ...(audience !== undefined && { audience }),
    ...(resource !== undefined && { resource }),
  };
  for (const [name, value] of Object.entries(parameters)) address.searchParams.set(name, value);
  window.location.assign(address);
}

/**
 * Takes the issuer's answer. `query`: of the callback's address. Returns an access token and the address that was asked
 * for. Rejects with IssuerError if the answer is a refusal, or does not belong to a sign-in of this tab.
 */
export async function finishSignIn(
  issuers: readonly Issuer[],
  query: string,
): Promise<{ readonly token: string; readonly path: string }> {
  const answer = new URLSearchParams(query);
  const journey = JSON.parse(sessionStorage.getItem(STORED_AS) ?? "{}") as Partial<Journey>;
  sessionStorage.removeItem(STORED_AS);
  const issuer = issuers.find((each) => each.issuer === journey.issuer);
  if (issuer === undefined || journey.verifier === undefined) {
    throw new IssuerError(window.location.host, "this tab did not begin a sign-in");
  }
  const fail = (why: string): never => {
    throw new IssuerError(hostOf(issuer), why);
  };
  if (answer.get("state") !== journey.state) fail("its answer belongs to another sign-in");
  const refusal = answer.get("error");
  if (refusal !== null) fail(answer.get("error_description") ?? refusal);
  const discovery = await discover(issuer);
  const { iss = discovery.issuer } = Object.fromEntries(answer);
  if (iss !== issuer.issuer) fail("its answer names another issuer");
  const tokens = await exchange(issuer, discovery, answer.get("code") ?? "", journey.verifier);
  const nonce = nonceOf(tokens.id_token);
  if (nonce !== undefined && nonce !== journey.nonce) fail("its token belongs to another sign-in");
  return { token: tokens.access_token, path: journey.path ?? "/" };
}

interface TokenAnswer {
  readonly access_token: string;
  readonly id_token?: string;
}

async function exchange(issuer: Issuer, discovery: Discovery, code: string, verifier: string): Promise<TokenAnswer> {
  const body = new URLSearchParams({
    grant_type: "authorization_code",
    client_id: issuer.clientId,
    redirect_uri: redirectUri(),
    code,
    code_verifier: verifier,
    ...(issuer.resource !== undefined && { resource: issuer.resource }),
  });
  const answer = await ask(issuer, discovery.token_endpoint, { method: "POST", body });
  const tokens = answer as Partial<TokenAnswer>;
  if (typeof tokens.access_token !== "string") throw new IssuerError(hostOf(issuer), "it gave no access token");
  return { ...tokens, access_token: tokens.access_token };
}

async function discover(issuer: Issuer): Promise<Discovery> {
  const address = `${issuer.issuer.replace(/\/$/, "")}/.well-known/openid-configuration`;
  const discovery = (await ask(issuer, address)) as Discovery;
  if (discovery.issuer !== issuer.issuer) throw new IssuerError(hostOf(issuer), "it calls itself by another name");
  return discovery;
}

async function ask(issuer: Issuer, address: string, init: RequestInit = {}): Promise<unknown> {
  try {
    const answer = await fetch(address, { ...init, credentials: "omit", referrerPolicy: "no-referrer" });
    const body = (await answer.json()) as { readonly error?: string; readonly error_description?: string };
    if (!answer.ok) throw new IssuerError(hostOf(issuer), body.error_description ?? body.error ?? `${answer.status}`);
    return body;
  } catch (error) {
    if (error instanceof IssuerError) throw error;
    throw new IssuerError(hostOf(issuer), "it does not answer, or does not allow this page to ask it");
  }
}

/** The token came from the issuer itself over TLS, so its signature proves nothing more here. */
function nonceOf(idToken: string | undefined): string | undefined {
  const payload = idToken?.split(".")[1];
  if (payload === undefined) return undefined;
  const { nonce } = JSON.parse(atob(payload.replaceAll("-", "+").replaceAll("_", "/"))) as { readonly nonce?: string };
  return nonce;
}

function redirectUri(): string {
  return `${window.location.origin}${BASE}${CALLBACK_PATH}`;
}

function randomText(): string {
  return base64url(crypto.getRandomValues(new Uint8Array(32)));
}

async function challengeOf(verifier: string): Promise<string> {
  return base64url(new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier))));
}

function base64url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replace(/=+$/, "");
}
