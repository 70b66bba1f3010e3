/** The table of comparisons: what is asked of lockkeeper and of its peers, by which tool, and the ratio that is aimed at. */
import { randomUUID } from "node:crypto";
import { create, type DescMethodUnary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { AdminService } from "../../gen/lockkeeper/admin/v1/admin_service_pb.ts";
import { Factor } from "../../gen/lockkeeper/resource/v1/factor_pb.ts";
import { SessionService } from "../../gen/lockkeeper/session/v1/session_service_pb.ts";
import { AttemptOutcome, SignInService } from "../../gen/lockkeeper/signin/v1/sign_in_service_pb.ts";
import { UserService } from "../../gen/lockkeeper/user/v1/user_service_pb.ts";
import { connectGrpc, connectJson, createLanes, framed, GRPC_HEADERS } from "./lanes.ts";
import type { Drive, Repeated } from "./load-tools.ts";
import { userIdOf } from "./make-users.ts";
import type { SERVERS } from "./servers.ts";
import { ADMIN_KEY } from "./service.ts";

export type ServerName = keyof typeof SERVERS;

/** One server of a case with the load that it gets. */
export interface Side {
  readonly server: ServerName;
  readonly drive: Drive;
}

export interface Case {
  readonly name: string;
  readonly what: string;
  /** What is measured, and what it is divided by. */
  readonly subject: Side;
  readonly peer: Side;
  /** The least ratio that issue or docs promise; absent: shown for orientation. */
  readonly atLeast?: number;
}

/** What the cases need to know of the database that lockkeeper serves. */
export interface Given {
  readonly users: number;
  /** The token of one session. */
  readonly sessionToken: string;
}

const CONNECTIONS = 8;
const STREAMS = 16;
const HTTP1_CONNECTIONS = 64;
const WRITERS = 128;
/** The user that single requests ask for. */
const USER_ID = userIdOf(1);

const AUTHORIZATION = { authorization: `Bearer ${ADMIN_KEY}` };
const JSON_HEADERS = { ...AUTHORIZATION, "content-type": "application/json" };

function grpc<M extends DescMethodUnary>(method: M, request: MessageInitShape<M["input"]>): Drive {
  const repeated: Repeated = {
    path: `/${method.parent.typeName}/${method.name}`,
    method: "POST",
    headers: GRPC_HEADERS,
    body: framed(toBinary(method.input, create(method.input, request))),
  };
  return { tool: "h2load", request: repeated, connections: CONNECTIONS, streams: STREAMS };
}

function http1(request: Pick<Repeated, "path" | "method"> & { readonly body?: string }, users: number): Drive {
  const body = new TextEncoder().encode(request.body ?? "");
  const headers = body.length === 0 ? AUTHORIZATION : JSON_HEADERS;
  return { tool: "wrk", request: { ...request, headers, body }, connections: HTTP1_CONNECTIONS, users };
}

/** Each lane locks and unlocks users of its own, one after another. */
function userOfPair(lane: number, step: number, users: number): string {
  return userIdOf((lane + Math.floor(step / 2) * WRITERS) % users);
}

function lockMixGrpc(users: number): Drive {
  return {
    tool: "lanes",
    open: (url) => {
      const connections = connectGrpc(url, CONNECTIONS);
      return createLanes(
        WRITERS,
        async (lane, step) => {
          const user = { userId: userOfPair(lane, step, users) };
          if (step % 2 === 0) await connections.call(lane, UserService.method.lockUser, user);
          else await connections.call(lane, UserService.method.unlockUser, user);
        },
        () => connections.close(),
      );
    },
  };
}

function lockMixRest(users: number): Drive {
  return {
    tool: "lanes",
    open: (url) => {
      const connections = connectJson(url, HTTP1_CONNECTIONS);
      return createLanes(
        HTTP1_CONNECTIONS,
        (lane, step) =>
          connections.post(`/v1/users/${userOfPair(lane, step, users)}:${step % 2 === 0 ? "lock" : "unlock"}`, "{}"),
        () => connections.close(),
      );
    },
  };
}

/** A step is one call: pairs are Begin and Complete, so a pair counts as two. */
function attempts(users: number): Drive {
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
            await connections.call(lane, SignInService.method.completeAttempt, { attemptId, outcome });
          }
        },
        () => connections.close(),
      );
    },
  };
}

/** Returns all cases, in the order in which they run. */
export function casesFor({ users, sessionToken }: Given): readonly Case[] {
  const getUser = grpc(UserService.method.getUser, { userId: USER_ID });
  const grpcNoop: Side = { server: "grpcJs", drive: getUser };
  const restUser = http1({ path: "/v1/users/{user}", method: "GET" }, users);
  const fastify: Side = { server: "fastify", drive: restUser };
  const key = { case: "token", value: sessionToken } as const;
  const of = (drive: Drive): Side => ({ server: "lockkeeper", drive });
  return [
    {
      name: "noop-grpc",
      what: "WhoAmI over gRPC: key checked, no store",
      subject: of(grpc(AdminService.method.whoAmI, {})),
      peer: grpcNoop,
      atLeast: 1.05,
    },
    { name: "get-user-grpc", what: "GetUser over gRPC", subject: of(getUser), peer: grpcNoop, atLeast: 0.9 },
    {
      name: "check-sign-in-grpc",
      what: "CheckSignIn over gRPC",
      subject: of(grpc(SignInService.method.checkSignIn, { userId: USER_ID })),
      peer: grpcNoop,
      atLeast: 0.8,
    },
    {
      name: "verify-session-grpc",
      what: "VerifySession over gRPC",
      subject: of(grpc(SessionService.method.verifySession, { key })),
      peer: grpcNoop,
      atLeast: 0.8,
    },
    { name: "get-user-rest", what: "GET /v1/users/{id}", subject: of(restUser), peer: fastify, atLeast: 0.9 },
    {
      name: "get-user-connect",
      what: "GetUser over Connect JSON, HTTP/1.1",
      subject: of(
        http1({ path: "/lockkeeper.user.v1.UserService/GetUser", method: "POST", body: '{"userId":"{user}"}' }, users),
      ),
      peer: fastify,
      atLeast: 0.8,
    },
    {
      name: "list-users-rest",
      what: "ListUsers, pages of 100, over REST",
      subject: of(http1({ path: "/v1/users?pageSize=100", method: "GET" }, users)),
      peer: fastify,
    },
    {
      name: "lock-grpc",
      what: "durable LockUser and UnlockUser over gRPC, 128 in flight",
      subject: of(lockMixGrpc(users)),
      peer: grpcNoop,
      atLeast: 0.35,
    },
    {
      name: "lock-grpc-stock",
      what: "the same, against one transaction a call",
      subject: of(lockMixGrpc(users)),
      peer: { server: "connectSqlite", drive: lockMixGrpc(users) },
    },
    {
      name: "lock-rest",
      what: "durable locks and unlocks over REST, 64 in flight",
      subject: of(lockMixRest(users)),
      peer: { server: "fastifySqlite", drive: lockMixRest(users) },
    },
    {
      name: "attempts-grpc",
      what: "BeginAttempt and CompleteAttempt over gRPC, in pairs (each call counts)",
      subject: of(attempts(users)),
      peer: grpcNoop,
      atLeast: 0.3,
    },
    {
      name: "peer-connect-node",
      what: "stock connect-node, no-op over gRPC",
      subject: { server: "connectNode", drive: getUser },
      peer: grpcNoop,
    },
    {
      name: "peer-node-http2",
      what: "raw node:http2, no-op over gRPC",
      subject: { server: "nodeHttp2", drive: getUser },
      peer: grpcNoop,
    },
    {
      name: "peer-node-http",
      what: "raw node:http, no-op",
      subject: { server: "nodeHttp", drive: restUser },
      peer: fastify,
    },
  ];
}
