/** The bytes of all large requests that are open: one request is bounded by itself, but many at once fill the memory. */
import { Code, ConnectError } from "@connectrpc/connect";

/**
 * A smaller body costs little more than the connection or stream that brings it. Far below the window of an HTTP/2
 * stream: a client may fill the windows of all its streams, and then be silent.
 */
export const LARGE_BODY_BYTES_MIN = 4 * 1024;

/** Seconds after which a refused caller may try again. */
const RETRY_SECONDS = 1;

export class LargeBodies {
  readonly #bytesMax: number;
  #bytes = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** Counts bytes of a large body. Returns the error if there is no room for them; then they are not counted. */
  take(bytes: number): ConnectError | undefined {
    if (this.#bytes + bytes > this.#bytesMax) return this.#refusal();
    this.#bytes += bytes;
    return undefined;
  }

  /** Called when a request is over. */
  release(bytes: number): void {
    this.#bytes -= bytes;
  }

  #refusal(): ConnectError {
    const text = `requests larger than ${LARGE_BODY_BYTES_MIN} bytes may have ${this.#bytesMax} bytes together; there is no room for this one now`;
    return new ConnectError(text, Code.ResourceExhausted, { "retry-after": `${RETRY_SECONDS}` });
  }
}
