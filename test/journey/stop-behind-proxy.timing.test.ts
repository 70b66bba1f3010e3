/** A balancer in front of two services that are stopped and started again one after the other: callers notice nothing. */
import assert from "node:assert/strict";
import { Agent, request } from "node:http";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { type CallOptions, createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { UserService } from "../../gen/lockkeeper/user/v1/user_service_pb.ts";
import { findNginx, freePort, type Nginx, startNginx } from "../support/nginx.ts";
import { ADMIN_KEY, type Running, startService, temporaryFolder } from "../support/service.ts";

const STOPS = 4;
const CALLERS = 2;
/** Between two calls of one caller. */
const PAUSE_MS = 5;
const AUTHORIZATION = `Bearer ${ADMIN_KEY}`;

/** Answers whether the call succeeded. */
type CallOnce = (callId: string) => Promise<boolean>;

interface Traffic {
  readonly calls: number;
  readonly failed: readonly string[];
}

/** A POST, which nginx does not send again once it has been sent. */
function callHttp1({ http1Url }: Nginx): CallOnce {
  const agent = new Agent({ keepAlive: true });
  const headers = { authorization: AUTHORIZATION, "content-type": "application/json" };
  return (callId) =>
    new Promise((resolve) => {
      const url = `${http1Url}/${UserService.typeName}/GetUser`;
      const sent = request(
        url,
        { agent, method: "POST", headers: { ...headers, "x-request-id": callId } },
        (answer) => {
          answer.resume().once("end", () => resolve(answer.statusCode === 200));
        },
      );
      sent.once("error", () => resolve(false));
      sent.end('{"userId":"alice"}');
    });
}

function callGrpc({ grpcUrl }: Nginx): CallOnce {
  const users = createClient(UserService, createGrpcTransport({ baseUrl: grpcUrl }));
  return (callId) => {
    const options: CallOptions = { headers: { authorization: AUTHORIZATION, "x-request-id": callId } };
    return users.getUser({ userId: "alice" }, options).then(
      () => true,
      () => false,
    );
  };
}

async function goOn(name: string, call: CallOnce, stop: AbortSignal): Promise<Traffic> {
  const failed: string[] = [];
  let calls = 0;
  while (!stop.aborted) {
    const callId = `${name}-${calls++}`;
    if (!(await call(callId))) failed.push(callId);
    await delay(PAUSE_MS);
  }
  return { calls, failed };
}

interface Both {
  readonly ports: readonly number[];
  restart(which: number): Promise<void>;
  logs(): string;
}

async function startBoth(t: TestContext): Promise<Both> {
  const ports = [await freePort(), await freePort()];
  const paths = [await temporaryFolder(t), await temporaryFolder(t)].map((folder) => join(folder, "lockkeeper.db"));
  const all: Running[] = [];
  const start = async (which: number): Promise<Running> => {
    const listen = { host: "127.0.0.1", port: ports[which] ?? 0 };
    const config = { listen, stopDrainMs: 300, stopGraceMs: 2_000 };
    const service = await startService(t, { path: paths[which] ?? "", config });
    all.push(service);
    return service;
  };
  const running = [await start(0), await start(1)];
  for (const { users } of running) await users.createUser({ userId: "alice" });
  return {
    ports,
    restart: async (which) => {
      await running[which]?.stop();
      running[which] = await start(which);
    },
    logs: () => all.map(({ log }) => log()).join(""),
  };
}

const program = findNginx();

test("behind nginx, stops fail no call of HTTP/1.1, and of gRPC only those that were never begun", {
  skip: program === undefined && "there is no nginx on this machine",
}, async (t) => {
  const both = await startBoth(t);
  const nginx = await startNginx(t, program ?? "", both.ports);
  const stop = new AbortController();
  const callers = (wire: string, call: CallOnce): Promise<Traffic[]> =>
    Promise.all(Array.from({ length: CALLERS }, (_, i) => goOn(`${wire}-${i}`, call, stop.signal)));
  const http1 = callers("http1", callHttp1(nginx));
  const grpc = callers("grpc", callGrpc(nginx));
  for (let i = 0; i < STOPS; i++) {
    await delay(200);
    await both.restart(i % 2);
  }
  stop.abort();
  const [byHttp1, byGrpc] = [(await http1).flat(), (await grpc).flat()];
  const failedOf = (traffic: readonly Traffic[]): string[] => traffic.flatMap(({ failed }) => failed);
  const log = both.logs();
  const begun = failedOf(byGrpc).filter((callId) => log.includes(`"${callId}"`));
  const sum = (traffic: readonly Traffic[]): number => traffic.reduce((count, { calls }) => count + calls, 0);
  t.diagnostic(
    `HTTP/1.1: ${failedOf(byHttp1).length} of ${sum(byHttp1)} failed; gRPC: ${failedOf(byGrpc).length} of ${sum(byGrpc)}, ${begun.length} of them begun`,
  );
  assert.deepEqual(failedOf(byHttp1), []);
  assert.deepEqual(begun, []);
});
