/**
 * A small password login behind lockkeeper: POST /register, /login and /logout, GET /me. Credentials are kept here, who may
 * use them is decided there. Start: LOCKKEEPER_URL=http://127.0.0.1:8080 LOCKKEEPER_KEY=… npx node examples/login/login.ts
 */
import { randomUUID } from "node:crypto";
import { createServer, type IncomingMessage, type Server } from "node:http";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { hash, verify } from "@node-rs/argon2";
import { Factor } from "../../gen/lockkeeper/resource/v1/factor_pb.ts";
import { SessionService } from "../../gen/lockkeeper/session/v1/session_service_pb.ts";
import { AttemptOutcome, SignInService } from "../../gen/lockkeeper/signin/v1/sign_in_service_pb.ts";
import { UserService } from "../../gen/lockkeeper/user/v1/user_service_pb.ts";

type Answer = Readonly<{ status: number; body: object; cookie?: string }>;
type Credentials = Readonly<Record<"email" | "password", string>>;

const BODY_CHARS_MAX = 10_000;
const WRONG: Answer = { status: 401, body: { error: "The email address or the password is wrong." } };

/** The login as an HTTP server. `key`: one with the role `operator`. */
export async function createLogin({ url, key }: { readonly url: string; readonly key: string }): Promise<Server> {
  const transport = createGrpcTransport({
    baseUrl: url,
    interceptors: [
      (next) => (request) => {
        request.header.set("Authorization", `Bearer ${key}`);
        return next(request);
      },
    ],
  });
  const users = createClient(UserService, transport);
  const gate = createClient(SignInService, transport);
  const sessions = createClient(SessionService, transport);
  /** By user id. An application has a table for it. */
  const hashes = new Map<string, string>();
  // Unknown users are verified against this one: it takes as long. With `conceal_unknown` the gate counts them, too.
  const decoy = await hash(randomUUID());

  /** The address is the user id, so nobody can register one that is taken. A real site sends a mail there first. */
  async function register({ email, password }: Credentials): Promise<Answer> {
    const passwordHash = await hash(password);
    await users.createUser({ userId: email, profile: { email } });
    hashes.set(email, passwordHash);
    return { status: 201, body: { userId: email } };
  }

  /** The gate comes before the verifier: however many guesses come at once, no more than the policy allows reach it. */
  async function login({ email, password }: Credentials, request: IncomingMessage): Promise<Answer> {
    const client = { ip: request.socket.remoteAddress ?? "", userAgent: request.headers["user-agent"] ?? "" };
    const attemptId = randomUUID();
    const subject = { subject: { case: "userId" as const, value: email } };
    const begun = gate.beginAttempt({ attemptId, subject, factor: Factor.PASSWORD, client });
    const attempt = await begun.catch((reason: unknown) => verify(decoy, password).then(() => Promise.reject(reason)));
    // Everybody who knows the address learns of a lock or ban: the answer comes before a password is looked at.
    if (!attempt.admitted) return { status: 403, body: { error: attempt.decision?.text } };
    const isRight = await verify(hashes.get(attempt.userId) ?? decoy, password);
    const outcome = isRight ? AttemptOutcome.SUCCEEDED : AttemptOutcome.FAILED;
    const { decision } = await gate.completeAttempt({ attemptId, outcome });
    if (!isRight) return WRONG;
    // A user who was banned while the password was verified is not let in.
    if (decision?.allowed !== true) return { status: 403, body: { error: decision?.text } };
    const { token } = await sessions.createSession({
      userId: attempt.userId,
      ...client,
      idleTimeout: { seconds: 1800n },
    });
    return {
      status: 200,
      body: { userId: attempt.userId },
      cookie: `session=${token}; HttpOnly; SameSite=Lax; Path=/`,
    };
  }

  /** The session of a request, if it holds at this moment. */
  async function sessionOf(request: IncomingMessage) {
    const token = /(?:^|;\s*)session=([^;]+)/.exec(request.headers.cookie ?? "")?.[1] ?? "";
    if (!token.startsWith("lks_")) return undefined;
    const { active, session } = await sessions.verifySession({ key: { case: "token", value: token } });
    return active ? session : undefined;
  }

  async function answer(request: IncomingMessage): Promise<Answer> {
    switch (`${request.method} ${request.url}`) {
      case "POST /register":
        return register(await readCredentials(request));
      case "POST /login":
        return login(await readCredentials(request), request);
      case "POST /logout": {
        const session = await sessionOf(request);
        if (session !== undefined) await sessions.revokeSession({ sessionId: session.sessionId });
        return { status: 200, body: {}, cookie: "session=; Max-Age=0; Path=/" };
      }
      case "GET /me": {
        const session = await sessionOf(request);
        return session === undefined ? { status: 401, body: {} } : { status: 200, body: { userId: session.userId } };
      }
      default:
        return { status: 404, body: {} };
    }
  }

  return createServer((request, response) => {
    answer(request)
      .catch(toAnswer)
      .then(({ status, body, cookie }) => {
        const header = {
          "content-type": "application/json",
          ...(cookie === undefined ? {} : { "set-cookie": cookie }),
        };
        response.writeHead(status, header).end(JSON.stringify(body));
      })
      .catch(() => response.destroy());
  });
}

/** Nobody is let in while lockkeeper cannot be asked. */
function toAnswer(reason: unknown): Answer {
  const { code } = ConnectError.from(reason);
  if (code === Code.NotFound) return WRONG;
  if (code === Code.AlreadyExists) return { status: 409, body: { error: "This address is registered already." } };
  if (code === Code.InvalidArgument) return { status: 400, body: { error: "Send an email address and a password." } };
  return { status: 503, body: { error: "Signing in is not possible now. Please try again." } };
}

async function readCredentials(request: IncomingMessage): Promise<Credentials> {
  let text = "";
  for await (const chunk of request.setEncoding("utf8")) {
    text += chunk;
    if (text.length > BODY_CHARS_MAX) break;
  }
  try {
    const { email, password } = JSON.parse(text) as Partial<Credentials>;
    const isPair = typeof email === "string" && typeof password === "string";
    // However it is typed, it is one person's.
    if (isPair && email.trim() !== "") return { email: email.normalize("NFKC").trim().toLowerCase(), password };
  } catch {
    // Refused below, like everything that is not a pair of texts.
  }
  throw new ConnectError("no credentials", Code.InvalidArgument);
}

if (import.meta.main) {
  const { LOCKKEEPER_URL: url = "http://127.0.0.1:8080", LOCKKEEPER_KEY: key = "", PORT = "3000" } = process.env;
  const server = await createLogin({ url, key });
  server.listen(Number(PORT), "127.0.0.1", () => process.stdout.write(`http://127.0.0.1:${PORT}\n`));
}
