/** The table of comparisons: what is asked of lockkeeper and of its peers, by which tool, and the ratio that is aimed at. */
import { randomUUID } from "node:crypto";
import { create, type DescMethodUnary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { AdminService } from "../../gen/lockkeeper/admin/v1/admin_service_pb.ts";
import { Factor } from "../../gen/lockkeeper/resource/v1/factor_pb.ts";
import { SessionService } from "../../gen/lockkeeper/session/v1/session_service_pb.ts";
import { AttemptOutcome, SignInService } from "../../gen/lockkeeper/signin/v1/sign_in_service_pb.ts";
import { UserService } from "../../gen/lockkeeper/user/v1/user_service_pb.ts";
import { connectGrpc, connectJson, createLanes, framed, GRPC_HEADERS } from "./lanes.ts";
import type { Repeated } from "./load.ts";
import type { Drive } from "./load-tools.ts";
import { userIdOf } from "./make-users.ts";
import type { Column, SERVERS } from "./servers.ts";
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
  readonly column: Column;
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

/** As a browser sends it. */
function grpcWeb<M extends DescMethodUnary>(method: M, request: MessageInitShape<M["input"]>): Drive {
  const repeated: Repeated = {
    path: `/${method.parent.typeName}/${method.name}`,
    method: "POST",
    headers: { ...AUTHORIZATION, "content-type": "application/grpc-web+proto", "x-grpc-web": "1" },
    body: framed(toBinary(method.input, create(method.input, request))),
  };
  return { tool: "wrk", request: repeated, connections: HTTP1_CONNECTIONS, users: 1 };
}

/** Coprime to the numbers of users that are usual: users come in no order that pages or caches like. */
const STRIDE = 7_919;

/** Returns the user of a lane's step. Each lane takes users of its own, and two steps for each. */
export function userOfPair(lane: number, step: number, users: number): string {
  return userIdOf(((lane + Math.floor(step / 2) * WRITERS) * STRIDE) % users);
}

/** Returns lanes that lock and unlock users in turn. */
export function lockMixGrpc(users: number): Extract<Drive, { tool: "lanes" }> {
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
        (lane, step) => {
          const act = step % 2 === 0 ? "lock" : "unlock";
          return connections.send("POST", `/v1/users/${userOfPair(lane, step, users)}:${act}`, "{}");
        },
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

/** Returns all cases of a column, in the order in which they run. */
export function casesFor(given: Given): readonly Case[] {
  return [...noopCases(given), ...readCases(given), ...writeCases(given), ...orientation(given)];
}

const GET_USER = grpc(UserService.method.getUser, { userId: USER_ID });
const GRPC_NOOP: Side = { server: "grpcJs", drive: GET_USER };

function ours(drive: Drive): Side {
  return { server: "lockkeeper", drive };
}

/** Returns the load of reads over REST, one user after another. */
export function restUser(users: number): Drive {
  return http1({ path: "/v1/users/{user}", method: "GET" }, users);
}

function connectUser(users: number): Drive {
  return http1({ path: "/lockkeeper.user.v1.UserService/GetUser", method: "POST", body: '{"userId":"{user}"}' }, users);
}

/** Calls that read nothing. The peers answer a user to every caller. */
function noopCases({ users }: Given): readonly Case[] {
  const method = AdminService.method.whoAmI;
  const path = `/${method.parent.typeName}/${method.name}`;
  return [
    {
      name: "noop-grpc",
      what: "WhoAmI over gRPC: key checked, no store",
      subject: ours(grpc(method, {})),
      peer: GRPC_NOOP,
      atLeast: 1.05,
    },
    {
      name: "noop-web",
      what: "WhoAmI over gRPC-Web, HTTP/1.1",
      subject: ours(grpcWeb(method, {})),
      peer: { server: "connectNodeHttp1", drive: grpcWeb(UserService.method.getUser, { userId: USER_ID }) },
    },
    {
      name: "noop-connect",
      what: "WhoAmI over Connect JSON, HTTP/1.1",
      subject: ours(http1({ path, method: "POST", body: "{}" }, 1)),
      peer: { server: "connectNodeHttp1", drive: connectUser(users) },
    },
    {
      name: "noop-rest",
      what: "WhoAmI over REST, HTTP/1.1",
      subject: ours(http1({ path: "/v1/whoami", method: "GET" }, 1)),
      peer: { server: "fastify", drive: restUser(users) },
    },
  ];
}

function readCases({ users, sessionToken, column }: Given): readonly Case[] {
  const fastify: Side = { server: "fastify", drive: restUser(users) };
  const key = { case: "token", value: sessionToken } as const;
  const cases: readonly Case[] = [
    { name: "get-user-grpc", what: "GetUser over gRPC", subject: ours(GET_USER), peer: GRPC_NOOP, atLeast: 0.9 },
    {
      name: "check-sign-in-grpc",
      what: "CheckSignIn over gRPC",
      subject: ours(grpc(SignInService.method.checkSignIn, { userId: USER_ID })),
      peer: GRPC_NOOP,
      atLeast: 0.8,
    },
    {
      name: "verify-session-grpc",
      what: "VerifySession over gRPC",
      subject: ours(grpc(SessionService.method.verifySession, { key })),
      peer: GRPC_NOOP,
      atLeast: 0.8,
    },
    { name: "get-user-rest", what: "GET /v1/users/{id}", subject: ours(restUser(users)), peer: fastify, atLeast: 0.9 },
    {
      name: "get-user-connect",
      what: "GetUser over Connect JSON, HTTP/1.1",
      subject: ours(connectUser(users)),
      peer: fastify,
      atLeast: 0.8,
    },
    {
      name: "list-users-rest",
      what: "ListUsers, pages of 100, over REST",
      subject: ours(http1({ path: "/v1/users?pageSize=100", method: "GET" }, users)),
      peer: fastify,
    },
  ];
  // The aims are those of one core.
  return column === "one core" ? cases : cases.map(({ atLeast: _, ...each }) => each);
}

function writeCases({ users, column }: Given): readonly Case[] {
  const isWhole = column === "whole machine";
  return [
    {
      name: "lock-grpc",
      what: "durable LockUser and UnlockUser over gRPC, 128 in flight",
      subject: ours(lockMixGrpc(users)),
      peer: isWhole ? { server: "grpcJsAlone", drive: GET_USER } : GRPC_NOOP,
      atLeast: isWhole ? 0.5 : 0.35,
    },
    {
      name: "lock-grpc-stock",
      what: "the same, against one transaction a call",
      subject: ours(lockMixGrpc(users)),
      peer: { server: "connectSqlite", drive: lockMixGrpc(users) },
    },
    {
      name: "lock-rest",
      what: "durable locks and unlocks over REST, 64 in flight",
      subject: ours(lockMixRest(users)),
      peer: { server: "fastifySqlite", drive: lockMixRest(users) },
    },
    {
      name: "attempts-grpc",
      what: "BeginAttempt and CompleteAttempt over gRPC, in pairs (each call counts)",
      subject: ours(attempts(users)),
      peer: isWhole ? { server: "grpcJsAlone", drive: GET_USER } : GRPC_NOOP,
      ...(isWhole ? {} : { atLeast: 0.3 }),
    },
  ];
}

/** The peers among themselves. */
function orientation({ users }: Given): readonly Case[] {
  return [
    {
      name: "peer-connect-node",
      what: "stock connect-node, no-op over gRPC",
      subject: { server: "connectNode", drive: GET_USER },
      peer: GRPC_NOOP,
    },
    {
      name: "peer-node-http2",
      what: "raw node:http2, no-op over gRPC",
      subject: { server: "nodeHttp2", drive: GET_USER },
      peer: GRPC_NOOP,
    },
    {
      name: "peer-node-http",
      what: "raw node:http, no-op",
      subject: { server: "nodeHttp", drive: restUser(users) },
      peer: { server: "fastify", drive: restUser(users) },
    },
  ];
}
