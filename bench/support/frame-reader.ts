/** A client of HTTP/2 that only receives: it walks over the frames and copies nothing, so that it costs next to nothing. */
import { connect, type Socket } from "node:net";

/** A stream: what it asks for and what becomes of its answer. */
export interface ReadStream {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
  /** Called with each piece of the answer's body. The piece is only valid during the call. */
  readonly onData: (piece: Buffer) => void;
  /** Called when the stream or its connection ends. */
  readonly onEnd: (reason: string) => void;
}

const PREFACE = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const FRAME_HEAD_BYTES = 9;
const TYPE = { data: 0, headers: 1, reset: 3, settings: 4, ping: 6, goAway: 7, window: 8 } as const;
const END_STREAM = 1;
const ACK = 1;
const END_HEADERS = 4;
const INITIAL_WINDOW_SIZE = 4;
const WINDOW_BYTES = 2 ** 31 - 1;
const FIRST_WINDOW_BYTES = 65_535;
/** A window is opened again when half of it is used. */
const REOPEN_BYTES = 2 ** 30;

/** Opens a connection with streams. Returns a function that closes it. `url`: plain HTTP. */
export function readStreams(url: string, streams: readonly ReadStream[]): () => void {
  const { hostname, port, host } = new URL(url);
  const socket = connect(Number(port), hostname);
  const settings = Buffer.alloc(6);
  settings.writeUInt16BE(INITIAL_WINDOW_SIZE);
  settings.writeUInt32BE(WINDOW_BYTES, 2);
  socket.write(Buffer.concat([Buffer.from(PREFACE), frame(TYPE.settings, 0, 0, settings)]));
  socket.write(opening(0, WINDOW_BYTES - FIRST_WINDOW_BYTES));
  for (const [index, { path, headers, body }] of streams.entries()) {
    const all = { ":method": "POST", ":scheme": "http", ":path": path, ":authority": host, ...headers };
    socket.write(frame(TYPE.headers, END_HEADERS, idOf(index), headerBlock(all)));
    socket.write(frame(TYPE.data, END_STREAM, idOf(index), body));
  }
  const reader = new FrameReader(socket, streams);
  socket.on("data", (chunk: Buffer) => reader.read(chunk));
  socket.on("error", () => undefined);
  socket.on("close", () => reader.end("the connection was closed"));
  return () => socket.destroy();
}

class FrameReader {
  readonly #socket: Socket;
  readonly #streams: readonly ReadStream[];
  /** Bytes since the window was opened last: of the connection at 0, of the streams by their ids. */
  readonly #used = new Map<number, number>();
  /** The bytes of a frame that is not whole yet, unless it is DATA, which is passed on piece by piece. */
  #held: Buffer = Buffer.alloc(0);
  /** What is still to come of a frame of DATA. */
  #rest = 0;
  #id = 0;
  #isLast: boolean = false;

  constructor(socket: Socket, streams: readonly ReadStream[]) {
    this.#socket = socket;
    this.#streams = streams;
  }

  read(chunk: Buffer): void {
    let bytes = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk]);
    for (;;) {
      if (this.#rest > 0) {
        const piece = bytes.subarray(0, this.#rest);
        this.#take(piece);
        bytes = bytes.subarray(piece.length);
        if (this.#rest > 0) break;
      }
      if (bytes.length < FRAME_HEAD_BYTES) break;
      const length = bytes.readUIntBE(0, 3);
      const type = bytes[3];
      if (type === TYPE.data) {
        this.#id = bytes.readUInt32BE(5);
        this.#isLast = ((bytes[4] ?? 0) & END_STREAM) !== 0;
        this.#rest = length;
        if (length === 0 && this.#isLast) this.#end(this.#id, "the stream ended");
        bytes = bytes.subarray(FRAME_HEAD_BYTES);
      } else {
        if (bytes.length < FRAME_HEAD_BYTES + length) break;
        this.#control(bytes.subarray(0, FRAME_HEAD_BYTES + length));
        bytes = bytes.subarray(FRAME_HEAD_BYTES + length);
      }
    }
    this.#held = Buffer.from(bytes);
  }

  end(reason: string): void {
    for (const { onEnd } of this.#streams) onEnd(reason);
  }

  #end(id: number, reason: string): void {
    this.#streams[indexOf(id)]?.onEnd(reason);
  }

  #take(piece: Buffer): void {
    this.#rest -= piece.length;
    this.#streams[indexOf(this.#id)]?.onData(piece);
    for (const id of [0, this.#id]) {
      const used = (this.#used.get(id) ?? 0) + piece.length;
      const isDue = used > REOPEN_BYTES;
      this.#used.set(id, isDue ? 0 : used);
      if (isDue) this.#socket.write(opening(id, used));
    }
    if (this.#rest === 0 && this.#isLast) this.#end(this.#id, "the stream ended");
  }

  #control(whole: Buffer): void {
    const [type, flags, id] = [whole[3], whole[4] ?? 0, whole.readUInt32BE(5)];
    const payload = whole.subarray(FRAME_HEAD_BYTES);
    if (type === TYPE.settings && flags !== ACK) this.#socket.write(frame(TYPE.settings, ACK, 0, Buffer.alloc(0)));
    if (type === TYPE.ping && flags !== ACK) this.#socket.write(frame(TYPE.ping, ACK, 0, payload));
    if (type === TYPE.reset) this.#end(id, `the stream was reset with ${payload.readUInt32BE()}`);
    if (type === TYPE.headers && (flags & END_STREAM) !== 0) this.#end(id, "the stream ended");
    if (type === TYPE.goAway) this.end("the service closes the connection");
  }
}

function idOf(index: number): number {
  return 2 * index + 1;
}

function indexOf(id: number): number {
  return (id - 1) / 2;
}

function frame(type: number, flags: number, id: number, payload: Uint8Array): Buffer {
  const head = Buffer.alloc(FRAME_HEAD_BYTES);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(id, 5);
  return Buffer.concat([head, payload]);
}

function opening(id: number, bytes: number): Buffer {
  const payload = Buffer.alloc(4);
  payload.writeUInt32BE(bytes);
  return frame(TYPE.window, 0, id, payload);
}

/** Returns headers as literals without an index and without compression, the plainest form of HPACK. */
function headerBlock(headers: Readonly<Record<string, string>>): Buffer {
  const texts = Object.entries(headers).flatMap(([name, value]) => [Buffer.from([0]), literal(name), literal(value)]);
  return Buffer.concat(texts);
}

function literal(text: string): Buffer {
  const bytes = Buffer.from(text);
  if (bytes.length >= 127) throw new Error(`a header of ${bytes.length} bytes is too long for this client`);
  return Buffer.concat([Buffer.from([bytes.length]), bytes]);
}
