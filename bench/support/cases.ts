/** The table of comparisons: what is asked of lockkeeper and of its peers, by which tool, and the ratio that is aimed at. */
import { AdminService } from "../../gen/lockkeeper/admin/v1/admin_service_pb.ts";
import { SessionService } from "../../gen/lockkeeper/session/v1/session_service_pb.ts";
import { SignInService } from "../../gen/lockkeeper/signin/v1/sign_in_service_pb.ts";
import { UserService } from "../../gen/lockkeeper/user/v1/user_service_pb.ts";
import { CHECKED_USER } from "./bundled-load.ts";
import { attempts, grpc, grpcWeb, http1, lockMixGrpc, lockMixRest } from "./drives.ts";
import type { Drive } from "./load-tools.ts";
import { userIdOf } from "./make-users.ts";
import type { Column, SERVERS } from "./servers.ts";

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

/** Returns all cases of a column, in the order in which they run. */
export function casesFor(given: Given): readonly Case[] {
  return [...noopCases(given), ...readCases(given), ...writeCases(given), ...spreadCases(given), ...orientation(given)];
}

/** What every server says about a user who may act. */
const USER_PART = { user: { userId: CHECKED_USER, state: "STATE_ACTIVE" } };
const GET_USER = grpc(UserService.method.getUser, { userId: CHECKED_USER }, USER_PART);
const GRPC_NOOP: Side = { server: "grpcJs", drive: GET_USER };

function ours(drive: Drive): Side {
  return { server: "lockkeeper", drive };
}

/** Returns the load of reads over REST, one user after another. */
export function restUser(users: number): Drive {
  return http1({ path: "/v1/users/{user}", method: "GET", users }, { part: USER_PART });
}

function connectUser(users: number): Drive {
  const path = "/lockkeeper.user.v1.UserService/GetUser";
  return http1({ path, method: "POST", body: '{"userId":"{user}"}', users }, { part: USER_PART });
}

const OWNER_PART = { displayName: "LOCKKEEPER_ADMIN_KEY", role: "owner" };

/** Calls that read nothing. The peers answer a user to every caller. */
function noopCases({ users }: Given): readonly Case[] {
  const method = AdminService.method.whoAmI;
  const path = `/${method.parent.typeName}/${method.name}`;
  return [
    {
      name: "noop-grpc",
      what: "WhoAmI over gRPC: key checked, no store",
      subject: ours(grpc(method, {}, OWNER_PART)),
      peer: GRPC_NOOP,
      atLeast: 1.05,
    },
    {
      name: "noop-web",
      what: "WhoAmI over gRPC-Web, HTTP/1.1",
      subject: ours(grpcWeb(method, {}, OWNER_PART)),
      peer: {
        server: "connectNodeHttp1",
        drive: grpcWeb(UserService.method.getUser, { userId: CHECKED_USER }, USER_PART),
      },
    },
    {
      name: "noop-connect",
      what: "WhoAmI over Connect JSON, HTTP/1.1",
      subject: ours(http1({ path, method: "POST", body: "{}", users: 1 }, { part: OWNER_PART })),
      peer: { server: "connectNodeHttp1", drive: connectUser(users) },
    },
    {
      name: "noop-rest",
      what: "WhoAmI over REST, HTTP/1.1",
      subject: ours(http1({ path: "/v1/whoami", method: "GET", users: 1 }, { part: OWNER_PART })),
      peer: { server: "fastify", drive: restUser(users) },
    },
  ];
}

function readCases({ users, sessionToken, column }: Given): readonly Case[] {
  const page = { users: Array.from({ length: 100 }, (_, index) => ({ userId: userIdOf(index) })) };
  const decision = { allowed: true, state: "STATE_ACTIVE" };
  const session = { active: true, session: { userId: CHECKED_USER }, userState: "STATE_ACTIVE" };
  const fastify: Side = { server: "fastify", drive: restUser(users) };
  const key = { case: "token", value: sessionToken } as const;
  const cases: readonly Case[] = [
    { name: "get-user-grpc", what: "GetUser over gRPC", subject: ours(GET_USER), peer: GRPC_NOOP, atLeast: 0.9 },
    {
      name: "check-sign-in-grpc",
      what: "CheckSignIn over gRPC",
      subject: ours(grpc(SignInService.method.checkSignIn, { userId: CHECKED_USER }, { decision })),
      peer: GRPC_NOOP,
      atLeast: 0.8,
    },
    {
      name: "verify-session-grpc",
      what: "VerifySession over gRPC",
      subject: ours(grpc(SessionService.method.verifySession, { key }, session)),
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
      subject: ours(http1({ path: "/v1/users?pageSize=100", method: "GET", users }, { part: page })),
      peer: fastify,
    },
  ];
  // The aims are those of one core.
  return column === "one core" ? cases : cases.map(({ atLeast: _, ...each }) => each);
}

function writeCases({ users, column }: Given): readonly Case[] {
  const isWhole = column === "whole machine";
  const cases: readonly Case[] = [
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
  return isWhole ? [...cases, lockRestWhole(users)] : cases;
}

/** On the whole machine the lanes of gRPC take a core from the server. wrk takes a fraction of it. */
function lockRestWhole(users: number): Case {
  return {
    name: "lock-rest-whole",
    what: "durable locks and unlocks over REST, 128 in flight",
    subject: ours(lockMixRest(users, 128)),
    peer: { server: "grpcJsAlone", drive: GET_USER },
  };
}

/** What more processes or threads bring where there are cores for them. */
function spreadCases({ users, column }: Given): readonly Case[] {
  if (column === "one core") return [];
  return [
    {
      name: "threads-rest",
      what: "GET /v1/users/{id}, 2 threads",
      subject: { server: "lockkeeperThreads", drive: restUser(users) },
      peer: ours(restUser(users)),
      atLeast: 1.6,
    },
    {
      name: "peer-fastify-cluster",
      what: "Fastify, a process for each core",
      subject: { server: "fastify", drive: restUser(users) },
      peer: { server: "fastifyAlone", drive: restUser(users) },
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
