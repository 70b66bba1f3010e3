/** The loads of the cases: which requests they send, and what the answers must hold. */
import { randomUUID } from "node:crypto";
import { create, type DescMethodUnary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { Factor } from "../../gen/lockkeeper/resource/v1/factor_pb.ts";
import { SessionService } from "../../gen/lockkeeper/session/v1/session_service_pb.ts";
import { AttemptOutcome, SignInService } from "../../gen/lockkeeper/signin/v1/sign_in_service_pb.ts";
import { State, type User } from "../../gen/lockkeeper/user/v1/user_pb.ts";
import { UserService } from "../../gen/lockkeeper/user/v1/user_service_pb.ts";
import { CHECKED_USER } from "./bundled-load.ts";
import { connectGrpc, createLanes, framed, GRPC_HEADERS, type Lanes } from "./lanes.ts";
import type { Repeated, Turn } from "./load.ts";
import { type Drive, STRIDE } from "./load-tools.ts";
import { userIdOf } from "./make-users.ts";
import { ADMIN_KEY } from "./service.ts";

const CONNECTIONS = 8;
const STREAMS = 16;
const HTTP1_CONNECTIONS = 64;
const WRITERS = 128;

const AUTHORIZATION = { authorization: `Bearer ${ADMIN_KEY}` };
const JSON_HEADERS = { ...AUTHORIZATION, "content-type": "application/json" };

/** Returns the load of one request over gRPC. `part`: what the answer must hold, as JSON. */
export function grpc<M extends DescMethodUnary>(method: M, request: MessageInitShape<M["input"]>, part: object): Drive {
  const repeated: Repeated = {
    path: `/${method.parent.typeName}/${method.name}`,
    method: "POST",
    headers: GRPC_HEADERS,
    body: framed(toBinary(method.input, create(method.input, request))),
  };
  const turns: readonly Turn[] = [{ schema: method.output, part }];
  return { tool: "h2load", request: repeated, turns, connections: CONNECTIONS, streams: STREAMS };
}

/** Returns the load of one request over gRPC-Web, as a browser sends it. `part`: what the answer must hold, as JSON. */
export function grpcWeb<M extends DescMethodUnary>(
  method: M,
  request: MessageInitShape<M["input"]>,
  part: object,
): Drive {
  const repeated: Repeated = {
    path: `/${method.parent.typeName}/${method.name}`,
    method: "POST",
    headers: { ...AUTHORIZATION, "content-type": "application/grpc-web+proto", "x-grpc-web": "1" },
    body: framed(toBinary(method.input, create(method.input, request))),
  };
  const turns: readonly Turn[] = [{ schema: method.output, part }];
  return { tool: "wrk", request: repeated, turns, connections: HTTP1_CONNECTIONS, users: 1 };
}

/** A request of JSON over HTTP/1.1. */
interface JsonRequest extends Pick<Repeated, "path" | "method"> {
  readonly body?: string;
  readonly users: number;
  readonly connections?: number;
}

/** Returns the load of requests over HTTP/1.1, one user after another. `turns`: what their answers must hold. */
export function http1(request: JsonRequest, ...turns: readonly Turn[]): Drive {
  const { path, method, users, connections = HTTP1_CONNECTIONS } = request;
  const body = new TextEncoder().encode(request.body ?? "");
  const headers = body.length === 0 ? AUTHORIZATION : JSON_HEADERS;
  return { tool: "wrk", request: { path, method, headers, body }, turns, connections, users };
}

/** Returns the user of a lane's step. Each lane takes users of its own, and two steps for each. */
export function userOfPair(lane: number, step: number, users: number, lanes = WRITERS): string {
  return userIdOf(((lane + Math.floor(step / 2) * lanes) * STRIDE) % users);
}

/** Returns the load that locks and unlocks users in turn, and sees that each answer says so. */
export function lockMixGrpc(users: number): Extract<Drive, { tool: "lanes" }> {
  return { tool: "lanes", open: (url) => lockMixLanes([url], users, WRITERS) };
}

/** Opens lanes that lock and unlock users in turn, spread over servers that share a database. */
export function lockMixLanes(urls: readonly string[], users: number, lanes: number): Lanes {
  const servers = urls.map((url) => connectGrpc(url, CONNECTIONS));
  return createLanes(
    lanes,
    async (lane, step) => {
      const userId = userOfPair(lane, step, users, lanes);
      const { lockUser, unlockUser } = UserService.method;
      const connections = servers[lane % servers.length];
      if (connections === undefined) throw new Error("there is no server");
      // Each server's lanes are spread over all of its connections.
      const own = Math.floor(lane / servers.length);
      if (step % 2 === 0) expectUser(await connections.call(own, lockUser, { userId }), userId, State.LOCKED);
      else expectUser(await connections.call(own, unlockUser, { userId }), userId, State.ACTIVE);
    },
    () => {
      for (const connections of servers) connections.close();
    },
  );
}

/** Opens the session that VerifySession asks for, and returns its token. */
export async function openSession(url: string): Promise<string> {
  const connections = connectGrpc(url, 1);
  try {
    return (await connections.call(0, SessionService.method.createSession, { userId: CHECKED_USER })).token;
  } finally {
    connections.close();
  }
}

function expectUser({ user }: { readonly user?: User | undefined }, userId: string, state: State): void {
  if (user?.userId === userId && user.state === state) return;
  throw new Error(`the answer is user ${user?.userId}, state ${user?.state}, instead of ${userId}, ${state}`);
}

/** Returns the load that locks and unlocks users in turn over REST. */
export function lockMixRest(users: number, connections = HTTP1_CONNECTIONS): Drive {
  return http1(
    { path: "/v1/users/{user}:{act}", method: "POST", body: "{}", users, connections },
    { act: "lock", part: { user: { userId: "{user}", state: "STATE_LOCKED" } } },
    { act: "unlock", part: { user: { userId: "{user}", state: "STATE_ACTIVE" } } },
  );
}

/** Returns lanes of sign-ins. A step is one call: pairs are Begin and Complete, so a pair counts as two. */
export function attempts(users: number): Drive {
  return {
    tool: "lanes",
    open: (url) => {
      const connections = connectGrpc(url, CONNECTIONS);
      const ids = new Map<number, string>();
      return createLanes(
        WRITERS,
        async (lane, step) => {
          const attemptId = ids.get(lane) ?? randomUUID();
          if (step % 2 === 0) {
            ids.set(lane, attemptId);
            const subject = { subject: { case: "userId", value: userOfPair(lane, step, users) } } as const;
            const { admitted } = await connections.call(lane, SignInService.method.beginAttempt, {
              attemptId,
              subject,
              factor: Factor.PASSWORD,
            });
            if (!admitted) throw new Error("an attempt is not admitted");
          } else {
            ids.delete(lane);
            const outcome = AttemptOutcome.SUCCEEDED;
            const { decision } = await connections.call(lane, SignInService.method.completeAttempt, {
              attemptId,
              outcome,
            });
            if (decision?.allowed !== true) throw new Error("an attempt that succeeds is not allowed");
          }
        },
        () => connections.close(),
      );
    },
  };
}
