/** Requests of h2load and wrk, made by this process: as load where they are not installed, and once, to see the answer. */
import { partialDeepStrictEqual } from "node:assert/strict";
import { connect } from "node:http2";
import { fromBinary, toJson } from "@bufbuild/protobuf";
import { connectJson, createLanes, type Lanes, requestGrpc } from "./lanes.ts";
import type { Repeated, Turn } from "./load.ts";
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

/** Repeats a request over HTTP/1.1, with one in flight on each connection. With two `acts` each user gets both, in turn. */
export function repeatHttp1(
  request: Repeated,
  url: string,
  {
    connections,
    users,
    acts,
  }: { readonly connections: number; readonly users: number; readonly acts: readonly string[] },
): Lanes {
  const http1 = connectJson(url, connections, request.headers);
  return createLanes(
    connections,
    (lane, step) => {
      const user = userIdOf((lane + Math.floor(step / acts.length) * connections) % users);
      const { method, path, body } = filled(request, user, acts[step % acts.length]);
      return http1.send(method, path, Buffer.from(body).toString());
    },
    () => http1.close(),
  );
}

function filled(request: Repeated, user: string, act = ""): Repeated {
  const path = request.path.replace("{user}", user).replace("{act}", act);
  // Binary bodies stay as they are.
  const body = Buffer.from(Buffer.from(request.body).toString("latin1").replace("{user}", user), "latin1");
  return { ...request, path, body };
}

/** The user that a request asks for when its answer is looked at: the one that the peers know. */
export const CHECKED_USER = userIdOf(1);

/**
 * Sends a request once for each turn and looks at its status and content, as a client does. A load tool does not: it takes
 * every answer of HTTP status 200 for a success, and gRPC puts its own status behind it. Throws on any other answer.
 */
export async function checkAnswers(request: Repeated, turns: readonly Turn[], url: string): Promise<void> {
  for (const { act, schema, part } of turns) {
    const asked = filled(request, CHECKED_USER, act);
    const bytes = await answerOf(asked, url);
    const answer: unknown =
      schema === undefined ? JSON.parse(bytes.toString()) : toJson(schema, fromBinary(schema, bytes));
    const expected: unknown = JSON.parse(JSON.stringify(part).replaceAll("{user}", CHECKED_USER));
    partialDeepStrictEqual(
      answer,
      expected,
      `${url}${asked.path} answers ${JSON.stringify(answer)}, not ${JSON.stringify(expected)}`,
    );
  }
}

/** Returns the message or document of an answer. Rejects on every status but success. */
async function answerOf(request: Repeated, url: string): Promise<Buffer> {
  if (request.headers["content-type"] === "application/grpc") {
    const session = connect(url);
    try {
      return Buffer.from(await requestGrpc(session, request));
    } finally {
      session.close();
    }
  }
  const { method, headers, body } = request;
  const answer = await fetch(url + request.path, {
    method,
    headers,
    ...(body.length === 0 ? {} : { body: Buffer.from(body) }),
  });
  const bytes = Buffer.from(await answer.arrayBuffer());
  if (answer.status !== 200) throw new Error(`${url}${request.path} answers ${answer.status}: ${bytes.toString()}`);
  return "x-grpc-web" in headers ? messageOfWeb(bytes, request.path) : bytes;
}

const FRAME_HEAD_BYTES = 5;
const TRAILER_FLAG = 0x80;

/** gRPC-Web sends the trailers as the last frame of the body; without a message they are its only frame. */
function messageOfWeb(body: Buffer, path: string): Buffer {
  const messageEnd = body[0] === 0 ? FRAME_HEAD_BYTES + body.readUInt32BE(1) : 0;
  const trailers = body.subarray(messageEnd + FRAME_HEAD_BYTES).toString();
  const isOk = body[messageEnd] === TRAILER_FLAG && /^grpc-status: ?0\r?$/im.test(trailers);
  if (!isOk) throw new Error(`${path}: ${JSON.stringify(trailers)}`);
  return body.subarray(FRAME_HEAD_BYTES, messageEnd);
}
