/** The body of an HTTP/2 request: taken from the frames as they arrive, without Node's readable side and its events. */
import type { ServerHttp2Stream } from "node:http2";
import type { Http2Connection } from "../listen/request-sink.ts";
import { type BodyHead, RequestBody } from "./request-body.ts";

/** What Node knows of a readable side: whether `push(null)` was called. No public property tells. */
interface ReadableSide {
  readonly _readableState: { readonly ended: boolean };
}

export class Http2Body extends RequestBody {
  readonly #stream: ServerHttp2Stream;

  /** Node calls `push` with each DATA frame, even while nobody reads the stream. */
  constructor(stream: ServerHttp2Stream, head: BodyHead, connection: Http2Connection) {
    super(head);
    this.#stream = stream;
    if (stream.endAfterHeaders) {
      this.finish();
      return;
    }
    // With the first bytes of a connection Node reads on before it announces the stream.
    if (stream.readableLength > 0) this.take(stream.read() as Buffer);
    const push = stream.push;
    let isFirst = true;
    stream.push = (chunk: Buffer | null) => {
      if (chunk === null) {
        push.call(stream, null);
        // Node emits `end` when somebody reads on. After trailers of the client it does not do so itself.
        stream.read(0);
        return false;
      }
      if (!isFirst) connection.countData(chunk.byteLength);
      isFirst = false;
      return this.take(chunk);
    };
    // A stream that is closed ends, too, but its body may not be complete: the exchange breaks it off at `close`.
    stream.on("end", () => stream.closed || this.finish());
    // If only trailers came, there was nothing to read above, and `end` would never come.
    if ((stream as unknown as ReadableSide)._readableState.ended) stream.read(0);
  }

  protected get isComplete(): boolean {
    return false;
  }

  protected listen(): void {}

  /** Opens the flow-control window again: Node reads on when somebody asks the stream for more. */
  protected resume(): void {
    this.#stream._read(0);
  }
}
