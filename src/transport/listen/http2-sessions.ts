/** HTTP/2: Node's server within our limits. Closes connections that are idle or that reset too many streams. */
import * as http2 from "node:http2";
import { constants, type ServerHttp2Session, type ServerHttp2Stream } from "node:http2";
import type { Socket } from "node:net";
import { Code } from "@connectrpc/connect";
import { RestError } from "../../transcoding/rest-error.ts";
import { runInTurn } from "../exchange/turns.ts";
import type { TransportLimits } from "../limits.ts";
import { plainAddress } from "./client-address.ts";
import { KeepAlive, type PingedConnection, type Traffic } from "./keep-alive.ts";
import { countOpened, OpenStreams } from "./open-streams.ts";
import { type GatedReader, ReadGate, readingOf, type SocketReading } from "./read-gate.ts";
import type { Http2Connection, Http2Request, OnFault, Sink } from "./request-sink.ts";
import { ResetBudget } from "./reset-budget.ts";
import { replaceStreamTables } from "./stream-tables.ts";

/** The HTTP/2 side of a port. */
export interface Http2Sessions {
  /** Serves a connection. Its first bytes, `held`, begin with a preface and are in the socket, which is paused. */
  serveSocket(socket: Socket, held: Buffer): void;
  /**
   * Sends GOAWAY to all sessions: to those with calls when they become idle, or a moment later. Open streams may
   * finish, new ones are refused.
   */
  goAway(): void;
  /** Destroys all sessions. */
  destroy(): void;
}

/**
 * Header lists up to this many times the limit are read so that they can be answered; Node resets the stream of a
 * longer one.
 */
const READ_HEADERS_FACTOR = 4;
/** The least number of bytes that a header counts for. */
const HEADER_BYTES_MIN = 33;

/** Creates the HTTP/2 server of a port. */
export function createHttp2Server(limits: TransportLimits, { serveHttp2, onFault }: Sink): Http2Sessions {
  const server = http2.createServer({
    settings: {
      maxConcurrentStreams: limits.streamsMax,
      maxHeaderListSize: limits.headerBytesMax,
      enableConnectProtocol: false,
    },
    maxHeaderListPairs: Math.ceil((READ_HEADERS_FACTOR * limits.headerBytesMax) / HEADER_BYTES_MIN),
    // Node's own guard does not know which calls completed and acts only after the turn; ours acts first.
    streamResetBurst: NO_LIMIT,
    streamResetRate: NO_LIMIT,
  });
  const sessions = new Map<ServerHttp2Session, WatchedSession>();
  const shared: Shared = {
    ...{ limits, sink: { serveHttp2, onFault }, gate: new ReadGate() },
    ...{ open: new OpenStreams(limits), keepAlive: new KeepAlive(limits) },
  };
  let isGone = false;
  /** The socket itself: a session has a stand-in that cannot destroy it. */
  let arriving: Socket | undefined;
  server.on("session", (session) => {
    replaceStreamTables(session);
    const watched = new WatchedSession(session, arriving ?? (session.socket as Socket), shared);
    sessions.set(session, watched);
    session.once("close", () => sessions.delete(session));
    // The call for which the session was opened is still served.
    if (isGone) watched.goAwayWhenIdle();
  });
  server.on("sessionError", (reason: NodeJS.ErrnoException, session) => {
    // Only violations of the protocol by the peer are reported: a lost connection is nobody's fault.
    if (reason.code === "ERR_HTTP2_ERROR") {
      sessions.get(session)?.reportFault("the connection breaks the rules of HTTP/2");
    }
  });
  return {
    serveSocket: (socket, held) => {
      // The bytes in the socket are read at once, before any stream is announced.
      if (countOpened(held) <= limits.streamsMax) {
        // A session costs as much as several calls: not all connections that came together get theirs in one turn.
        runInTurn(() => {
          arriving = socket;
          if (!socket.destroyed) server.emit("connection", socket);
          arriving = undefined;
        });
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

/** A connection is idle after this time without streams. */
const IDLE_MS = 20;
/** How long to wait for a connection to become idle, or to open its first stream, before it gets GOAWAY. */
const GO_AWAY_WAIT_MS_MAX = 250;

const NO_LIMIT = 2 ** 31 - 1;

/** A DATA frame of so few bytes costs more than it carries. */
const SMALL_DATA_BYTES = 128;
/**
 * The number of small DATA frames that one connection may send in one turn of the event loop, beyond the first of each
 * stream.
 */
const SMALL_DATA_MAX = 1_000;

/** The number of GOAWAY frames that one connection may send: Node calls us for each one, for nothing. */
const GO_AWAYS_MAX = 10;

/** A stream with this many names and values of headers counts as two; twice as many, as three. */
const LARGE_HEADERS = 128;
/** What closing a connection counts for, in streams. */
const DISCONNECT_LOAD = 16;

/**
 * Node never takes the unsent part of a reset stream off the memory of its session, although it frees it, and refuses
 * all new streams of a session with 10 MB. So a session is replaced when it has lost this much.
 */
const LOST_BYTES_MAX = 4 * 1024 * 1024;

const TOO_MANY_RESETS = "the connection resets too many of its streams";

/** What all sessions of a port share. */
interface Shared {
  readonly limits: TransportLimits;
  readonly sink: Pick<Sink, "serveHttp2" | "onFault">;
  readonly gate: ReadGate;
  readonly open: OpenStreams;
  readonly keepAlive: KeepAlive;
}

/** One session with its limits. */
class WatchedSession implements Http2Connection, GatedReader, PingedConnection {
  /** Kept here, since a closed socket no longer has it. */
  readonly peerAddress: string;
  readonly #session: ServerHttp2Session;
  readonly #socket: Socket;
  readonly #shared: Shared;
  readonly #reading: SocketReading;
  readonly #resets: ResetBudget;
  readonly #idleTimer: NodeJS.Timeout;
  #isLeaving: boolean = false;
  #isAdmitted: boolean = false;
  #streams = 0;
  #goAways = 0;
  /** The unsent bytes of answers that were broken off. */
  #lostBytes = 0;
  /** The number of streams that were opened in the present turn. Node ends no answer within it. */
  #opened = 0;
  /** The number of small DATA frames that came in the present turn. */
  #small = 0;

  constructor(session: ServerHttp2Session, socket: Socket, shared: Shared) {
    const { limits, gate, keepAlive } = shared;
    this.#session = session;
    this.#shared = shared;
    this.#reading = readingOf(session);
    gate.add(this);
    keepAlive.add(this);
    this.#socket = socket;
    this.peerAddress = plainAddress(this.#socket.remoteAddress ?? "");
    this.#resets = new ResetBudget(limits.resets);
    this.#idleTimer = setTimeout(() => {
      // While streams are open nothing happens; the end of the last one restarts the timer.
      if (this.#streams === 0) closeIdle(session, limits.headerTimeoutMs);
    }, limits.idleTimeoutMs);
    // The client's settings follow its preface.
    const settingsTimer = setTimeout(() => session.destroy(), limits.headerTimeoutMs);
    session.once("remoteSettings", () => clearTimeout(settingsTimer));
    session.on("stream", (stream, headers, _flags, rawHeaders) => this.#serve({ stream, headers, rawHeaders }));
    session.on("goaway", () => {
      if (++this.#goAways > GO_AWAYS_MAX) this.#disconnect("the connection sends too many GOAWAY frames");
    });
    session.once("close", () => {
      clearTimeout(settingsTimer);
      clearTimeout(this.#idleTimer);
      gate.delete(this);
      keepAlive.delete(this);
    });
  }

  /** Called while frames are being read: if the session is destroyed here, the rest is not read. */
  #serve(request: Http2Request): void {
    const { sink, gate, open, limits } = this.#shared;
    this.#streams++;
    const verdict = open.add(this);
    gate.count(1 + Math.floor(request.rawHeaders.length / LARGE_HEADERS));
    if (verdict === "serve") {
      sink.serveHttp2(request, this);
    } else {
      this.#refuse(request.stream);
      if (verdict === "disconnect") this.#disconnect("too many streams are open on all connections");
    }
    if (this.#opened++ === 0) setImmediate(() => (this.#opened = 0));
    // A client can open more streams in one turn than may be open only if it resets some at once.
    if (this.#opened > limits.streamsMax) this.#disconnect(TOO_MANY_RESETS);
  }

  /** Clients may repeat a refused call: none of it was looked at. */
  #refuse(stream: ServerHttp2Stream): void {
    stream.on("error", () => undefined);
    stream.once("close", () => this.#countOff());
    stream.close(constants.NGHTTP2_REFUSED_STREAM);
  }

  get streams(): number {
    return this.#streams;
  }

  get isAdmitted(): boolean {
    return this.#isAdmitted;
  }

  markAdmitted(): void {
    if (this.#isAdmitted) return;
    this.#isAdmitted = true;
    this.#shared.open.admit(this.#streams);
  }

  hold(): void {
    this.#reading.stop();
  }

  release(): void {
    this.#reading.start();
  }

  /** Node sends no PING after GOAWAY. */
  get isAsked(): boolean {
    return this.#streams > 0 && !this.#session.closed && this.socket !== undefined && this.#shared.gate.reads(this);
  }

  get traffic(): Traffic {
    return this.#socket;
  }

  ping(): void {
    this.#session.ping(() => undefined);
  }

  lose(): void {
    this.#session.destroy();
    // The session waits until all is written, and nobody reads any more.
    this.#socket.destroy();
  }

  get socket(): Socket | undefined {
    return this.#session.destroyed ? undefined : this.#socket;
  }

  countAnswer(): void {
    this.#resets.complete();
  }

  countClosed(isAnswered: boolean, unsentBytes: number): void {
    this.#countOff();
    if (!isAnswered && !this.#resets.reset()) this.#disconnect(TOO_MANY_RESETS);
    this.#lostBytes += unsentBytes;
    if (this.#lostBytes > LOST_BYTES_MAX && !this.#isLeaving) this.goAway();
  }

  #countOff(): void {
    this.#streams--;
    this.#shared.open.delete(this.#isAdmitted);
    if (this.#streams === 0) this.#onIdle();
  }

  /**
   * Counts small DATA frames. Node reads a connection whatever happens to its streams, so nothing else ends a turn that
   * is full of tiny frames.
   */
  countData(bytes: number): void {
    if (bytes > SMALL_DATA_BYTES) return;
    if (this.#small++ === 0) setImmediate(() => (this.#small = 0));
    if (this.#small > SMALL_DATA_MAX) this.#disconnect("the connection sends its bodies in too many small frames");
  }

  /** Called when no stream is open. */
  #onIdle(): void {
    this.#idleTimer.refresh();
    if (!this.#isLeaving) return;
    setTimeout(() => {
      if (this.#streams === 0) this.#session.close();
    }, IDLE_MS);
  }

  goAway(): void {
    if (this.#streams === 0) this.#session.close();
    else this.goAwayWhenIdle();
  }

  /**
   * Sends GOAWAY when the session is idle. After GOAWAY Node closes a connection together with its last stream, which
   * nginx treats as a broken answer. If the session does not become idle, GOAWAY is sent while streams are open.
   */
  goAwayWhenIdle(): void {
    this.#isLeaving = true;
    const timer = setTimeout(() => this.#session.close(), GO_AWAY_WAIT_MS_MAX);
    this.#session.once("close", () => clearTimeout(timer));
  }

  /** Reports a fault of the whole connection; none of its requests is answered with it. */
  reportFault(text: string): void {
    reportFault(this.#shared.sink.onFault, this.peerAddress, text);
  }

  #disconnect(why: string): void {
    if (this.#session.destroyed) return;
    this.#shared.gate.count(DISCONNECT_LOAD);
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
