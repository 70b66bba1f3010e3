/**
 * An Express middleware that lets a request pass only with a session that holds at this moment:
 * `app.use("/account", requireSession(client))`. Create the client once, with a key of the role `login`:
 * `createLockkeeperClient({ baseUrl: "http://127.0.0.1:8080", key: process.env.LOCKKEEPER_KEY })`.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { Code, ConnectError, type LockkeeperClient, type Session } from "../../clients/typescript/src/node.ts"; // @lockkeeper/client

/** A request behind the middleware. */
export interface SessionRequest extends IncomingMessage {
  session?: Session;
}

/** How long a visitor waits for the answer before the request is refused. */
const VERIFY_TIMEOUT_MS = 2_000;

/** Returns the middleware. It asks on every request: a cached "yes" would outlive a ban. */
export function requireSession({ sessions }: Pick<LockkeeperClient, "sessions">) {
  return async (request: SessionRequest, response: ServerResponse, next: () => void): Promise<void> => {
    const token = /(?:^|;\s*)session=(lks_\w{1,150})(?:;|$)/.exec(request.headers.cookie ?? "")?.[1];
    if (token === undefined) return refuse(response, 401, "Please sign in.");
    try {
      const key = { case: "token" as const, value: token };
      const { active, session } = await sessions.verifySession({ key }, { timeoutMs: VERIFY_TIMEOUT_MS });
      if (active !== true || session === undefined) return refuse(response, 401, "Please sign in again.");
      request.session = session;
    } catch (error) {
      if (ConnectError.from(error).code === Code.InvalidArgument) return refuse(response, 401, "Please sign in.");
      // Fail closed: while lockkeeper cannot be asked, nobody passes.
      return refuse(response, 503, "This is not possible now. Please try again.");
    }
    next();
  };
}

function refuse(response: ServerResponse, status: number, error: string): void {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify({ error }));
}
