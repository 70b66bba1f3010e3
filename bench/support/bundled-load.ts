/** The load of h2load and wrk, made by this process where they are not installed: slower, but the same requests. */
import { connect } from "node:http2";
import { connectJson, createLanes, type Lanes, requestGrpc } from "./lanes.ts";
import type { Repeated } from "./load.ts";
import { userIdOf } from "./make-users.ts";

/** Repeats a gRPC request on `connections`, with so many `streams` at a time on each. */
export function repeatGrpc(request: Repeated, url: string, connections: number, streams: number): Lanes {
  const sessions = Array.from({ length: connections }, () => connect(url));
  return createLanes(
    connections * streams,
    async (lane) => {
      const session = sessions[lane % connections];
      if (session !== undefined) await requestGrpc(session, request);
    },
    () => {
      for (const session of sessions) session.close();
    },
  );
}

/** Repeats a request over HTTP/1.1, with one in flight on each connection. */
export function repeatHttp1(request: Repeated, url: string, connections: number, users: number): Lanes {
  const http1 = connectJson(url, connections, request.headers);
  const body = Buffer.from(request.body).toString();
  return createLanes(
    connections,
    (lane, step) => {
      const user = userIdOf((lane + step * connections) % users);
      return http1.send(request.method, request.path.replace("{user}", user), body.replace("{user}", user));
    },
    () => http1.close(),
  );
}
