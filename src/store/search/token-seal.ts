/** Seals the opaque tokens that callers send back: only tokens that this database made are accepted. */
import { createHmac, timingSafeEqual } from "node:crypto";

/*
 * token = base64url(0x01 ‖ u32 generation ‖ payload ‖ seal)
 * seal  = the first 16 bytes of HMAC-SHA256(key, u32(bytes of purpose) ‖ purpose ‖ 0x01 ‖ u32 generation ‖ payload)
 *
 * u32 is big-endian. `purpose` is not part of the token: a token opens only for its own purpose.
 */

const VERSION = 0x01;
const HEADER_BYTES = 5;
const SEAL_BYTES = 16;

/** The name of the key in the table `secrets`. */
export const TOKEN_KEY_NAME = "tokens";

export interface OpenedToken {
  /** The generation that made the token; it may differ from the current one. */
  readonly generation: number;
  readonly payload: Buffer;
}

export class TokenSeal {
  /** The generation of the instance: new tokens carry it. It does not change while the database is open. */
  readonly generation: number;
  readonly #key: Uint8Array;

  constructor(key: Uint8Array, generation: number) {
    this.#key = key;
    this.generation = generation;
  }

  seal(purpose: string, payload: Uint8Array): string {
    const head = Buffer.alloc(HEADER_BYTES);
    head.writeUInt8(VERSION);
    head.writeUInt32BE(this.generation, 1);
    const content = Buffer.concat([head, payload]);
    return Buffer.concat([content, this.#sealOf(purpose, content)]).toString("base64url");
  }

  /** Returns the content; `undefined` if the token was not sealed with this key for this purpose. */
  open(purpose: string, token: string): OpenedToken | undefined {
    const bytes = Buffer.from(token, "base64url");
    // Decoding skips characters that are not base64url; a token has exactly one form.
    if (bytes.length < HEADER_BYTES + SEAL_BYTES || bytes.toString("base64url") !== token) return undefined;
    const content = bytes.subarray(0, -SEAL_BYTES);
    if (!timingSafeEqual(bytes.subarray(-SEAL_BYTES), this.#sealOf(purpose, content))) return undefined;
    if (content[0] !== VERSION) return undefined;
    return { generation: content.readUInt32BE(1), payload: content.subarray(HEADER_BYTES) };
  }

  #sealOf(purpose: string, content: Uint8Array): Buffer {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(Buffer.byteLength(purpose));
    const hmac = createHmac("sha256", this.#key).update(length).update(purpose).update(content);
    return hmac.digest().subarray(0, SEAL_BYTES);
  }
}
