/** HTTP/2: Node's server within our limits; sends away connections that are idle or break off more than they let complete. */
import * as http2 from "node:http2";
import {
  constants,
  type Http2ServerRequest,
  type Http2ServerResponse,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from "node:http2";
import type { Socket } from "node:net";
import { Code } from "@connectrpc/connect";
import { RestError } from "../../transcoding/rest-error.ts";
import { expectationOf } from "../exchange/head-refusal.ts";
import type { TransportLimits } from "../limits.ts";
import type { OnFault, Sink } from "./request-sink.ts";
import { ResetBudget } from "./reset-budget.ts";

export interface Http2Sessions {
  /** Serves a connection whose first bytes, `held`, lie in the socket, which is paused. They begin with a preface. */
  serveSocket(socket: Socket, held: Buffer): void;
  /** GOAWAY to all, soon: to those with calls when they rest, or a moment later; open streams may finish, new ones are refused. */
  goAway(): void;
  destroy(): void;
}

/** Header lists of up to so many times the limit are read, to answer them; Node breaks off the stream of a longer one. */
const READ_HEADERS_FACTOR = 4;
/** The least that a header counts for. */
const HEADER_BYTES_MIN = 33;

export function createHttp2Server(limits: TransportLimits, { serve, onFault }: Sink): Http2Sessions {
  const server = http2.createServer({
    settings: {
      maxConcurrentStreams: limits.streamsMax,
      maxHeaderListSize: limits.headerBytesMax,
      enableConnectProtocol: false,
    },
    maxHeaderListPairs: Math.ceil((READ_HEADERS_FACTOR * limits.headerBytesMax) / HEADER_BYTES_MIN),
    // Node's own guard knows nothing of completed calls and answers after the turn; ours comes first.
    streamResetBurst: NO_LIMIT,
    streamResetRate: NO_LIMIT,
  });
  const sessions = new Map<ServerHttp2Session, WatchedSession>();
  let isGone = false;
  const begin = (request: Http2ServerRequest, response: Http2ServerResponse): void => {
    const { stream } = request;
    const watched = stream.session === undefined ? undefined : sessions.get(stream.session as ServerHttp2Session);
    serve(request, response, expectationOf(request.headers.expect)).onOver((completed) => {
      if (completed) watched?.complete(stream);
    });
  };
  for (const event of ["request", "checkContinue", "checkExpectation", "connect"]) server.on(event, begin);
  server.on("session", (session) => {
    const watched = new WatchedSession(session, limits, onFault);
    sessions.set(session, watched);
    session.once("close", () => sessions.delete(session));
    // The call that it was opened for is served.
    if (isGone) watched.goAwayWhenIdle();
  });
  server.on("sessionError", (reason: NodeJS.ErrnoException, session) => {
    // Of these only what the peer has sent against the rules is told: a connection that is cut off is nobody's fault.
    if (reason.code === "ERR_HTTP2_ERROR") {
      sessions.get(session)?.reportFault("the connection breaks the rules of HTTP/2");
    }
  });
  return {
    serveSocket: (socket, held) => {
      // What lies in the socket is read in one go, before anybody learns of a stream.
      if (countHeaders(held) <= limits.streamsMax) {
        server.emit("connection", socket);
        return;
      }
      reportFault(onFault, socket.remoteAddress, "the connection opens too many streams at once");
      socket.destroy();
    },
    goAway: () => {
      isGone = true;
      for (const watched of sessions.values()) watched.goAway();
    },
    destroy: () => {
      for (const session of sessions.keys()) session.destroy();
    },
  };
}

/** A connection without streams for so long rests. */
const REST_MS = 20;
/** How long a connection may take to rest, or to open its first stream, before it gets GOAWAY. */
const RESTLESS_MS_MAX = 250;

const NO_LIMIT = 2 ** 31 - 1;

/** DATA of so few bytes costs more than it carries. */
const SMALL_DATA_BYTES = 128;
/** So many of them are taken on one connection in one turn of the event loop, beyond the first of each stream. */
const SMALL_DATA_MAX = 1_000;

const TOO_MANY_RESETS = "the connection breaks off too many of its streams";

/** One connection. */
class WatchedSession {
  readonly #session: ServerHttp2Session;
  readonly #limits: TransportLimits;
  readonly #onFault: OnFault;
  /** The socket does not know it any more when it is closed. */
  readonly #address: string;
  readonly #resets: ResetBudget;
  readonly #idleTimer: NodeJS.Timeout;
  readonly #completed = new WeakSet<ServerHttp2Stream>();
  #isLeaving: boolean = false;
  #streams = 0;
  /** Opened in the present turn of the event loop and not ended by us. */
  #opened = 0;
  /** Small pieces of DATA that came in the present turn. */
  #small = 0;

  constructor(session: ServerHttp2Session, limits: TransportLimits, onFault: OnFault) {
    this.#session = session;
    this.#limits = limits;
    this.#onFault = onFault;
    this.#address = session.socket.remoteAddress ?? "";
    this.#resets = new ResetBudget(limits.resets);
    this.#idleTimer = setTimeout(() => {
      // With streams open nothing happens; the end of the last one starts the timer again.
      if (this.#streams === 0) closeIdle(session, limits.headerTimeoutMs);
    }, limits.idleTimeoutMs);
    // The settings of the client come right after its preface.
    const settingsTimer = setTimeout(() => session.destroy(), limits.headerTimeoutMs);
    session.once("remoteSettings", () => clearTimeout(settingsTimer));
    session.on("stream", (stream) => this.#watch(stream));
    session.once("close", () => {
      clearTimeout(settingsTimer);
      clearTimeout(this.#idleTimer);
    });
  }

  /** Called while the frames of the connection are read: what it ends here is not read on. */
  #watch(stream: ServerHttp2Stream): void {
    this.#streams++;
    if (this.#opened++ === 0) setImmediate(() => (this.#opened = 0));
    // Only whoever breaks off streams at once opens more in one turn than may be open.
    if (this.#opened > this.#limits.streamsMax) this.#sendAway(TOO_MANY_RESETS);
    this.#countData(stream);
    stream.once("close", () => {
      this.#streams--;
      if (this.#streams === 0) this.#rest();
      if (!this.#completed.has(stream) && !this.#resets.reset()) this.#sendAway(TOO_MANY_RESETS);
    });
  }

  /**
   * Node reads a connection on whatever becomes of its streams: nothing else ends a turn that is full of tiny frames.
   * It pushes each of them, also while nobody reads the body.
   */
  #countData(stream: ServerHttp2Stream): void {
    const push = stream.push.bind(stream);
    let isFirst = true;
    stream.push = (chunk: Buffer | null, encoding) => {
      if (chunk !== null && !isFirst && chunk.byteLength <= SMALL_DATA_BYTES) this.#countSmall();
      isFirst = false;
      return push(chunk, encoding);
    };
  }

  #countSmall(): void {
    if (this.#small++ === 0) setImmediate(() => (this.#small = 0));
    if (this.#small > SMALL_DATA_MAX) this.#sendAway("the connection sends its bodies in too many small frames");
  }

  /** No stream is open. */
  #rest(): void {
    this.#idleTimer.refresh();
    if (!this.#isLeaving) return;
    setTimeout(() => {
      if (this.#streams === 0) this.#session.close();
    }, REST_MS);
  }

  goAway(): void {
    if (this.#streams === 0) this.#session.close();
    else this.goAwayWhenIdle();
  }

  /**
   * Node closes a connection with its last stream once it has sent GOAWAY, and nginx then takes the end of an answer for
   * a broken one. So GOAWAY waits until the connection rests; where it does not, it comes while streams are open.
   */
  goAwayWhenIdle(): void {
    this.#isLeaving = true;
    const timer = setTimeout(() => this.#session.close(), RESTLESS_MS_MAX);
    this.#session.once("close", () => clearTimeout(timer));
  }

  /** The call on this stream was answered to its end. */
  complete(stream: ServerHttp2Stream): void {
    this.#completed.add(stream);
    this.#opened--;
    this.#resets.complete();
  }

  /** Of the connection as a whole: none of its requests is told. */
  reportFault(text: string): void {
    reportFault(this.#onFault, this.#address, text);
  }

  #sendAway(why: string): void {
    if (this.#session.destroyed) return;
    this.reportFault(why);
    this.#session.goaway(constants.NGHTTP2_ENHANCE_YOUR_CALM);
    this.#session.destroy(undefined, constants.NGHTTP2_ENHANCE_YOUR_CALM);
  }
}

function closeIdle(session: ServerHttp2Session, graceMs: number): void {
  session.close();
  const timer = setTimeout(() => session.destroy(), graceMs);
  session.once("close", () => clearTimeout(timer));
}

function reportFault(onFault: OnFault, address: string | undefined, text: string): void {
  onFault({ error: new RestError(text, Code.InvalidArgument, 400), address: address ?? "" });
}

const PREFACE_BYTES = 24;
const FRAME_HEADER_BYTES = 9;
const HEADERS_FRAME = 1;

/** How many streams the first bytes of a connection open, as far as their frames are there. */
function countHeaders(held: Buffer): number {
  let count = 0;
  for (let at = PREFACE_BYTES; at + FRAME_HEADER_BYTES <= held.byteLength; ) {
    if (held.readUInt8(at + 3) === HEADERS_FRAME) count++;
    at += FRAME_HEADER_BYTES + held.readUIntBE(at, 3);
  }
  return count;
}
