/** Signing in at an OIDC issuer: the authorization code flow with PKCE (S256), state and nonce, as a public client. */
import { T } from "../texts/texts.ts";
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

/** In characters: a sentence of an issuer, and no page of text over the form. */
const WHY_LENGTH_MAX = 200;

/** An issuer did not sign the caller in. */
export class IssuerError extends Error {
  override readonly name = "IssuerError";
  readonly host: string;

  /** `why`: may be a text of the issuer, or of anyone who wrote the address; the page shows its beginning. */
  constructor(host: string, why: unknown) {
    const text = String(why);
    super(text.length > WHY_LENGTH_MAX ? `${text.slice(0, WHY_LENGTH_MAX)}…` : text);
    this.host = host;
  }
}

/** Returns the name by which people know an issuer. */
export function hostOf({ issuer }: Issuer): string {
  return new URL(issuer).host;
}

/** Leaves for the issuer, to come back to the address of now. Rejects with IssuerError if that is not possible. */
export async function startSignIn(issuer: Issuer): Promise<void> {
  // Browsers compute digests only where nobody on the way can change the page.
  if (!window.isSecureContext) throw new IssuerError(hostOf(issuer), T.signIn.issuerNeedsHttps);
  const { authorization_endpoint } = await discover(issuer);
  // As the address bar has it: the router decodes what it says.
  const { pathname, search } = window.location;
  const path = `${pathname.slice(BASE.length) || "/"}${search}`;
  const [state, nonce, verifier] = [randomText(), randomText(), randomText()];
  const journey: Journey = { issuer: issuer.issuer, state, nonce, verifier, path };
  const address = URL.canParse(authorization_endpoint) ? new URL(authorization_endpoint) : undefined;
  if (address === undefined || !/^https?:$/.test(address.protocol)) {
    throw new IssuerError(hostOf(issuer), "its address is not one of the web");
  }
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
  sessionStorage.setItem(STORED_AS, JSON.stringify(journey));
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
  if (new Set(answer.keys()).size !== answer.size) fail("its answer says something twice");
  if (answer.get("state") !== journey.state) fail("its answer belongs to another sign-in");
  const refusal = answer.get("error");
  if (refusal !== null) fail(answer.get("error_description") ?? refusal);
  const discovery = await discover(issuer);
  // RFC 9207: an issuer that names itself in its answers always does, so that no other can answer in its place.
  const iss = answer.get("iss");
  if (iss === null ? discovery.authorization_response_iss_parameter_supported : iss !== issuer.issuer) {
    fail("its answer names another issuer, or none");
  }
  const tokens = await exchange(issuer, discovery, answer.get("code") ?? "", journey.verifier);
  const mustHaveNonce = tokens.id_token !== undefined || issuer.scopes.includes("openid");
  if (mustHaveNonce && nonceOf(tokens.id_token) !== journey.nonce) fail("its token belongs to another sign-in");
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
    const body = ((await answer.json()) ?? {}) as { readonly error?: string; readonly error_description?: string };
    if (!answer.ok) throw new IssuerError(hostOf(issuer), body.error_description ?? body.error ?? `${answer.status}`);
    return body;
  } catch (error) {
    if (error instanceof IssuerError) throw error;
    throw new IssuerError(hostOf(issuer), "it does not answer, or does not allow this page to ask it");
  }
}

/**
 * Returns the nonce of an ID token; undefined if there is none to read. The token came from the issuer itself over TLS, so
 * its signature proves nothing more here.
 */
function nonceOf(idToken: string | undefined): string | undefined {
  const payload = idToken?.split(".")[1] ?? "";
  try {
    const claims = JSON.parse(atob(payload.replaceAll("-", "+").replaceAll("_", "/"))) as { readonly nonce?: string };
    return claims.nonce;
  } catch {
    return undefined;
  }
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
