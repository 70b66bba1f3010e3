/** Seals the opaque tokens that callers send back: only tokens that this database made are accepted. */
import { hash, timingSafeEqual } from "node:crypto";

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

/** The block of SHA-256, and what RFC 2104 adds to the key. */
const U32_BYTES = 4;
const BLOCK_BYTES = 64;
const HASH_BYTES = 32;
const INNER_PAD = 0x36;
const OUTER_PAD = 0x5c;

export class TokenSeal {
  /** The generation of the instance: new tokens carry it. It does not change while the database is open. */
  readonly generation: number;
  readonly #innerKey: Buffer;
  /** The outer key, and room for a hash: sealing is synchronous. */
  readonly #outer = Buffer.alloc(BLOCK_BYTES + HASH_BYTES);

  constructor(key: Uint8Array, generation: number) {
    const block = Buffer.alloc(BLOCK_BYTES);
    block.set(key.length > BLOCK_BYTES ? hash("sha256", key, "buffer") : key);
    this.#innerKey = Buffer.from(block.map((byte) => byte ^ INNER_PAD));
    this.#outer.set(block.map((byte) => byte ^ OUTER_PAD));
    this.generation = generation;
  }

  seal(purpose: string, payload: Uint8Array): string {
    const sealAt = HEADER_BYTES + payload.length;
    const token = Buffer.allocUnsafe(sealAt + SEAL_BYTES);
    token.writeUInt8(VERSION);
    token.writeUInt32BE(this.generation, 1);
    token.set(payload, HEADER_BYTES);
    token.write(this.#sealOf(purpose, token.subarray(0, sealAt)), sealAt, "latin1");
    return token.toString("base64url");
  }

  /** Returns the content; `undefined` if the token was not sealed with this key for this purpose. */
  open(purpose: string, token: string): OpenedToken | undefined {
    const bytes = Buffer.from(token, "base64url");
    // Decoding skips characters that are not base64url; a token has exactly one form.
    if (bytes.length < HEADER_BYTES + SEAL_BYTES || bytes.toString("base64url") !== token) return undefined;
    const content = bytes.subarray(0, -SEAL_BYTES);
    const seal = Buffer.from(this.#sealOf(purpose, content), "latin1");
    if (!timingSafeEqual(bytes.subarray(-SEAL_BYTES), seal)) return undefined;
    if (content[0] !== VERSION) return undefined;
    return { generation: content.readUInt32BE(1), payload: content.subarray(HEADER_BYTES) };
  }

  /**
   * Returns the seal, a character for each byte. HMAC of two plain hashes: createHmac takes five times as long, and every
   * event of the feed has a cursor. For the same reason as text: hashes as buffers take three times as long.
   */
  #sealOf(purpose: string, content: Uint8Array): string {
    const purposeBytes = Buffer.byteLength(purpose);
    const purposeAt = BLOCK_BYTES + U32_BYTES;
    const inner = Buffer.allocUnsafe(purposeAt + purposeBytes + content.length);
    inner.set(this.#innerKey);
    inner.writeUInt32BE(purposeBytes, BLOCK_BYTES);
    inner.write(purpose, purposeAt);
    inner.set(content, purposeAt + purposeBytes);
    this.#outer.write(hash("sha256", inner, "binary"), BLOCK_BYTES, "latin1");
    return hash("sha256", this.#outer, "binary").slice(0, SEAL_BYTES);
  }
}
