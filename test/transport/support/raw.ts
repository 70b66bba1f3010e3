/** Clients that send given bytes unchanged, and return what comes back. */
import { once } from "node:events";
import * as http2 from "node:http2";
import { connect, type Socket } from "node:net";
import type { Lab } from "./lab.ts";

/** The time after which a test fails; long enough for a busy machine. */
const ANSWER_TIMEOUT_MS = 30_000;

export type HeaderRecord = Readonly<Partial<Record<string, string>>>;

export interface Answer {
  readonly status: number;
  readonly header: HeaderRecord;
  readonly body: Buffer;
  readonly trailer: HeaderRecord;
  /** HTTP/2: the code with which the stream was closed. */
  readonly rstCode: number;
}

export async function openSocket(lab: Lab): Promise<Socket> {
  const socket = connect(lab.port, lab.host);
  socket.on("error", () => undefined);
  await once(socket, "connect");
  return socket;
}

/** Sends bytes and returns what arrives until the server closes the connection or `enough` returns true. */
export async function exchangeText(
  lab: Lab,
  text: string | Buffer,
  enough: (received: string) => boolean = () => false,
): Promise<string> {
  const socket = await openSocket(lab);
  socket.write(text);
  const received = await receive(socket, enough);
  socket.destroy();
  return received;
}

export function receive(socket: Socket, enough: (received: string) => boolean = () => false): Promise<string> {
  return new Promise((resolve, reject) => {
    let received = "";
    const timer = setTimeout(() => reject(new Error(`no end after ${JSON.stringify(received)}`)), ANSWER_TIMEOUT_MS);
    const finish = (): void => {
      clearTimeout(timer);
      resolve(received);
    };
    socket.on("data", (chunk) => {
      received += chunk.toString("latin1");
      if (enough(received)) finish();
    });
    socket.once("close", finish);
  });
}

export async function openSession(lab: Lab, settings: http2.Settings = {}): Promise<http2.ClientHttp2Session> {
  const session = http2.connect(lab.url, { settings });
  session.on("error", () => undefined);
  await once(session, "remoteSettings");
  return session;
}

export interface Sending {
  readonly path: string;
  readonly method?: string;
  readonly header?: Record<string, string>;
  /** Absent: the stream ends at once. `open`: it never ends. */
  readonly body?: Buffer | "open";
}

/** Makes one request over HTTP/2 and waits for the end of the answer or of the stream. */
export async function request(session: http2.ClientHttp2Session, sending: Sending): Promise<Answer> {
  const stream = open(session, sending);
  return await answerOf(stream);
}

export function open(session: http2.ClientHttp2Session, sending: Sending): http2.ClientHttp2Stream {
  const { path, method = "POST", header = {}, body } = sending;
  const stream = session.request({ ":method": method, ":path": path, ...header });
  stream.on("error", () => undefined);
  if (body !== "open") stream.end(body);
  return stream;
}

export async function answerOf(stream: http2.ClientHttp2Stream): Promise<Answer> {
  const chunks: Buffer[] = [];
  let header: HeaderRecord = {};
  let trailer: HeaderRecord = {};
  stream.on("response", (received) => {
    header = received as unknown as HeaderRecord;
  });
  stream.on("trailers", (received) => {
    trailer = received as unknown as HeaderRecord;
  });
  stream.on("data", (chunk: Buffer) => chunks.push(chunk));
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`no end of ${stream.sentHeaders?.[":path"]}`)), ANSWER_TIMEOUT_MS);
    const finish = (): void => {
      clearTimeout(timer);
      resolve();
    };
    stream.once("end", finish);
    stream.once("close", finish);
  });
  const status = Number(header[":status"] ?? 0);
  return { status, header, body: Buffer.concat(chunks), trailer, rstCode: stream.rstCode ?? 0 };
}

/** Returns a gRPC frame: flags, length, message. */
export function frame(message: Uint8Array, flags = 0): Buffer {
  const bytes = Buffer.alloc(5 + message.byteLength);
  bytes.writeUInt8(flags, 0);
  bytes.writeUInt32BE(message.byteLength, 1);
  bytes.set(message, 5);
  return bytes;
}

export const authorized = { authorization: "Bearer one" };
export const grpcHeader = { ...authorized, "content-type": "application/grpc", te: "trailers" };
export const jsonHeader = { ...authorized, "content-type": "application/json" };
