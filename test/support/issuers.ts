/** OIDC issuers that tests start: a real provider, and one by hand that signs whatever it is told to. */
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { type CryptoKey, exportJWK, generateKeyPair, type JWK, SignJWT } from "jose";
import { type ClientMetadata, Provider } from "oidc-provider";
import { defer } from "./cleanup.ts";
import { temporaryFolder } from "./service.ts";

export const AUDIENCE = "https://lockkeeper.test";

/** What an HTTP server on a free port of this machine serves may be exchanged while it runs. */
export class Site {
  readonly #server: Server;
  readonly url: string;
  listener: RequestListener = (_, response) => response.writeHead(503).end();
  /** The paths that were asked for. */
  readonly asked: string[] = [];

  private constructor(server: Server) {
    this.#server = server;
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    server.on("request", (request, response) => {
      this.asked.push(request.url ?? "");
      this.listener(request, response);
    });
  }

  static async open(t: TestContext): Promise<Site> {
    const server = createServer();
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    defer(t, () => {
      server.close();
      server.closeAllConnections();
    });
    return new Site(server);
  }

  /** From now on nobody answers at this address. */
  async close(): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, "close");
  }
}

export interface SigningKey {
  readonly sign: CryptoKey;
  readonly published: JWK;
}

export async function makeKey(kid: string, alg = "ES256"): Promise<SigningKey> {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
  return { sign: privateKey, published: { ...(await exportJWK(publicKey)), kid, alg, use: "sig" } };
}

/** Discovery and keys are right; its tokens are as wrong as a test wants them. */
export class HandmadeIssuer {
  readonly site: Site;
  readonly key: SigningKey;
  published: readonly JWK[];

  private constructor(site: Site, key: SigningKey) {
    this.site = site;
    this.key = key;
    this.published = [key.published];
    site.listener = (request, response) => {
      response.setHeader("content-type", "application/json");
      response.end(
        request.url === "/keys"
          ? JSON.stringify({ keys: this.published })
          : JSON.stringify({ issuer: site.url, jwks_uri: `${site.url}/keys` }),
      );
    };
  }

  static async open(t: TestContext): Promise<HandmadeIssuer> {
    return new HandmadeIssuer(await Site.open(t), await makeKey("one"));
  }

  get url(): string {
    return this.site.url;
  }

  /** A right token unless told otherwise; a claim that is `undefined` is left out. `now` in milliseconds. */
  async sign(
    claims: Readonly<Record<string, unknown>> = {},
    { key = this.key, header = {}, now = Date.now() }: { key?: SigningKey; header?: object; now?: number } = {},
  ): Promise<string> {
    const seconds = Math.floor(now / 1000);
    const payload = { iss: this.url, aud: AUDIENCE, sub: "ann", roles: ["support"], iat: seconds, exp: seconds + 600 };
    const { alg = "ES256", kid = "" } = key.published;
    return new SignJWT({ ...payload, ...claims })
      .setProtectedHeader({ alg, kid, ...header })
      .sign(key.sign, { crit: { x: true } });
  }
}

/** The file for `--oidc-issuers`. `more`: instead of the usual members. */
export async function issuersFile(
  t: TestContext,
  issuers: readonly (Readonly<Record<string, unknown>> & { readonly issuer: string })[],
): Promise<string> {
  const path = join(await temporaryFolder(t), "issuers.json");
  const usual = { audiences: [AUDIENCE], rolesClaim: "roles", roles: { support: "operator", boss: "owner" } };
  const reach = (each: object): object =>
    "organizationClaim" in each || "organization" in each ? {} : { scope: "instance" };
  await writeFile(path, JSON.stringify({ issuers: issuers.map((each) => ({ ...usual, ...reach(each), ...each })) }));
  return path;
}

/** The console of a service as a client: public, with PKCE. */
function consoleOf(service: string): ClientMetadata {
  return {
    client_id: "console",
    token_endpoint_auth_method: "none",
    grant_types: ["authorization_code"],
    redirect_uris: [`${service}/console/callback`],
    response_types: ["code"],
  };
}

/** A provider as people run them: node-oidc-provider, giving access tokens as JWT to clients with a secret. */
export class RealIssuer {
  readonly site: Site;
  #key: JWK = {};

  private constructor(site: Site) {
    this.site = site;
  }

  static async open(t: TestContext): Promise<RealIssuer> {
    const issuer = new RealIssuer(await Site.open(t));
    await issuer.rotate("first");
    return issuer;
  }

  get url(): string {
    return this.site.url;
  }

  /** Signs with a key of this id from now on and publishes no other. */
  async rotate(kid: string): Promise<void> {
    const { privateKey } = await generateKeyPair("RS256", { extractable: true });
    this.#key = { ...(await exportJWK(privateKey)), kid, use: "sig", alg: "RS256" };
    this.#provide();
  }

  /** From now on the console of a service may sign people in, who type any name. `service`: its URL. */
  serveConsole(service: string): void {
    this.#provide(service);
  }

  #provide(service?: string): void {
    const provider = new Provider(this.url, {
      jwks: { keys: [this.#key] },
      clients: [
        {
          client_id: "desk",
          client_secret: "a-secret-of-the-desk",
          grant_types: ["client_credentials"],
          redirect_uris: [],
          response_types: [],
        },
        ...(service === undefined ? [] : [consoleOf(service)]),
      ],
      clientBasedCORS: (_, origin) => origin === service,
      features: {
        clientCredentials: { enabled: true },
        devInteractions: { enabled: service !== undefined },
        resourceIndicators: {
          enabled: true,
          getResourceServerInfo: (_, indicator) => ({
            scope: "support boss",
            audience: indicator,
            accessTokenFormat: "jwt",
            accessTokenTTL: 600,
            jwt: { sign: { alg: "RS256" } },
          }),
        },
      },
    });
    const serve = provider.callback();
    this.site.listener = (request, response) => {
      serve(request, response).catch(() => response.destroy());
    };
  }

  /** An access token as a client fetches it. */
  async token(scope: string, resource = AUDIENCE): Promise<string> {
    const response = await fetch(`${this.url}/token`, {
      method: "POST",
      headers: { authorization: `Basic ${btoa("desk:a-secret-of-the-desk")}` },
      body: new URLSearchParams({ grant_type: "client_credentials", scope, resource }),
    });
    const answer = (await response.json()) as { access_token?: string };
    if (answer.access_token === undefined) throw new Error(`no token: ${JSON.stringify(answer)}`);
    return answer.access_token;
  }
}
