/**
 * A resource server with access tokens (JWT) of its own. Each token carries the user's revocation epoch; the server compares
 * it with today's, so that a ban ends every token, although no token can be called back. Start:
 * LOCKKEEPER_URL=http://127.0.0.1:8080 LOCKKEEPER_KEY=… TOKEN_KEY=… npx node examples/resource-server/server.ts
 */
import { createServer, type IncomingMessage, type Server } from "node:http";
import { jwtVerify, SignJWT } from "jose";
import {
  Code,
  ConnectError,
  createLockkeeperClient,
  type LockkeeperClient,
} from "../../clients/typescript/src/node.ts"; // @lockkeeper/client

const AUDIENCE = "notes";
const USERS_MAX = 10_000;
const TOKEN_KEY_BYTES_MIN = 32;

/** Returns an access token, for the login to call once CompleteAttempt has allowed the user. `epoch`: that decision's. */
export function issueToken(userId: string, epoch: bigint, tokenKey: Uint8Array): Promise<string> {
  // Epochs stay below 2^53: a JSON number carries them.
  const token = new SignJWT({ epoch: Number(epoch) }).setProtectedHeader({ alg: "HS256" }).setSubject(userId);
  return token.setAudience(AUDIENCE).setExpirationTime("15m").sign(tokenKey);
}

interface Options {
  readonly client: Pick<LockkeeperClient, "signIns">;
  readonly tokenKey: Uint8Array;
  /** For how long an epoch is believed: so late a ban may be noticed. 0: every request asks. */
  readonly staleMs?: number;
}

/** Returns the server: GET /notes answers whose notes they are. */
export function createResourceServer({ client, tokenKey, staleMs = 1_000 }: Options): Server {
  const epochs = new Map<string, { readonly epoch: number; readonly until: number }>();

  async function epochOf(userId: string): Promise<number> {
    const known = epochs.get(userId);
    // The monotonic clock: a wall clock that is set back would make an epoch last.
    if (known !== undefined && known.until > performance.now()) return known.epoch;
    const until = performance.now() + staleMs;
    const { decision } = await client.signIns.checkSignIn({ userId }, { timeoutMs: 2_000 });
    const epoch = Number(decision?.revocationEpoch);
    if (epochs.size >= USERS_MAX) epochs.clear();
    epochs.set(userId, { epoch, until });
    return epoch;
  }

  async function userOf(request: IncomingMessage): Promise<string | undefined> {
    const token = /^Bearer (\S+)$/.exec(request.headers.authorization ?? "")?.[1] ?? "";
    const verified = await jwtVerify(token, tokenKey, { audience: AUDIENCE, algorithms: ["HS256"] }).catch(
      () => undefined,
    );
    const { sub, epoch } = verified?.payload ?? {};
    if (sub === undefined || typeof epoch !== "number") return undefined;
    // Equal or not: a restore of lockkeeper may change an epoch in either direction.
    return (await epochOf(sub)) === epoch ? sub : undefined;
  }

  return createServer((request, response) => {
    userOf(request)
      .then((userId) => (userId === undefined ? refuse(401) : { status: 200, body: { notesOf: userId } }))
      // A deleted user is not found. All else fails closed: nobody passes while lockkeeper cannot be asked.
      .catch((error: unknown) => refuse(ConnectError.from(error).code === Code.NotFound ? 401 : 503))
      .then(({ status, body }) => response.writeHead(status).end(JSON.stringify(body)))
      .catch(() => response.destroy());
  });
}

function refuse(status: number): { readonly status: number; readonly body: object } {
  return { status, body: {} };
}

if (import.meta.main) {
  const {
    LOCKKEEPER_URL: baseUrl = "http://127.0.0.1:8080",
    LOCKKEEPER_KEY: key = "",
    TOKEN_KEY = "",
    PORT = "3001",
  } = process.env;
  const tokenKey = new TextEncoder().encode(TOKEN_KEY);
  if (tokenKey.length < TOKEN_KEY_BYTES_MIN) throw new Error(`TOKEN_KEY needs ${TOKEN_KEY_BYTES_MIN} bytes or more`);
  const server = createResourceServer({ client: createLockkeeperClient({ baseUrl, key }), tokenKey });
  server.listen(Number(PORT), "127.0.0.1", () => process.stdout.write(`http://127.0.0.1:${PORT}\n`));
}
