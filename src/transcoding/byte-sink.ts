/** A growing buffer that one message after another is written to, so that an answer takes one allocation. */

/** Kept between messages. A longer message is handed over with the buffer that it filled. */
const KEPT_BYTES = 64 * 1024;
/** Shorter strings are copied by a loop: for them a call into Node's buffers costs more. */
const LOOP_CHARS_MAX = 48;

/** The most bytes of a varint of 32 and of 64 bits. */
const VARINT32_BYTES_MAX = 5;
const VARINT64_BYTES_MAX = 10;

/** Writes the values of protobuf's wire format. The caller has checked them: no method does. */
export class ByteSink {
  #bytes: Buffer = Buffer.allocUnsafeSlow(KEPT_BYTES);
  #at = 0;

  /** Starts a message behind `reserve` bytes of zero. What was begun before and not finished is dropped. */
  begin(reserve: number): void {
    if (this.#bytes.byteLength > KEPT_BYTES) this.#bytes = Buffer.allocUnsafeSlow(KEPT_BYTES);
    this.#bytes.fill(0, 0, reserve);
    this.#at = reserve;
  }

  /** Returns what was written since `begin`. */
  finish(): Buffer {
    const end = this.#at;
    if (end > KEPT_BYTES) return this.#bytes.subarray(0, end);
    const message = Buffer.allocUnsafe(end);
    this.#bytes.copy(message, 0, 0, end);
    return message;
  }

  /** Writes an unsigned integer of 32 bits. */
  uint32(value: number): void {
    this.#room(VARINT32_BYTES_MAX);
    this.#at = varint(this.#bytes, this.#at, value);
  }

  /** Writes an integer from 0 to 2^53 − 1. */
  safeInteger(value: number): void {
    this.#room(VARINT64_BYTES_MAX);
    const bytes = this.#bytes;
    let at = this.#at;
    let rest = value;
    while (rest > 0xffff_ffff) {
      bytes[at++] = (rest & 0x7f) | 0x80;
      rest = Math.floor(rest / 0x80);
    }
    this.#at = varint(bytes, at, rest);
  }

  /** Writes an integer of 64 bits as a varint. */
  varint64(value: bigint): void {
    const unsigned = BigInt.asUintN(64, value);
    const near = Number(unsigned);
    if (Number.isSafeInteger(near)) {
      this.safeInteger(near);
      return;
    }
    this.#room(VARINT64_BYTES_MAX);
    let rest = unsigned;
    while (rest > 0x7fn) {
      this.#bytes[this.#at++] = Number(rest & 0x7fn) | 0x80;
      rest >>= 7n;
    }
    this.#bytes[this.#at++] = Number(rest);
  }

  fixed32(value: number): void {
    this.#room(4);
    this.#at = this.#bytes.writeInt32LE(value | 0, this.#at);
  }

  fixed64(value: bigint): void {
    this.#room(8);
    this.#at = this.#bytes.writeBigInt64LE(BigInt.asIntN(64, value), this.#at);
  }

  float(value: number): void {
    this.#room(4);
    this.#at = this.#bytes.writeFloatLE(value, this.#at);
  }

  double(value: number): void {
    this.#room(8);
    this.#at = this.#bytes.writeDoubleLE(value, this.#at);
  }

  raw(value: Uint8Array): void {
    this.#room(value.byteLength);
    this.#bytes.set(value, this.#at);
    this.#at += value.byteLength;
  }

  /** Writes a string behind its length. */
  string(value: string): void {
    const { length } = value;
    this.#room(VARINT32_BYTES_MAX + 3 * length);
    if (length > LOOP_CHARS_MAX || !this.#shortAscii(value)) this.#text(value);
  }

  /** Returns false, and has written nothing, if another character is among them. */
  #shortAscii(value: string): boolean {
    const { length } = value;
    const bytes = this.#bytes;
    let at = this.#at;
    bytes[at++] = length;
    for (let index = 0; index < length; index++) {
      const code = value.charCodeAt(index);
      if (code > 0x7f) return false;
      bytes[at++] = code;
    }
    this.#at = at;
    return true;
  }

  #text(value: string): void {
    const start = this.#at;
    // Nearly all text is ASCII: then the length in bytes is the one in characters.
    const guessed = lengthBytes(value.length);
    const written = this.#bytes.write(value, start + guessed);
    this.#at = start + guessed + written;
    this.#putLength(start, guessed);
  }

  /** Leaves `bytes` for the length of what follows. Returns the place, for `endNested`. */
  beginNested(bytes: number): number {
    const start = this.#at;
    this.#room(bytes);
    this.#at = start + bytes;
    return start;
  }

  /** Writes the length before what was written since `beginNested`. Returns the bytes that the length took. */
  endNested(start: number, bytes: number): number {
    return this.#putLength(start, bytes);
  }

  #putLength(start: number, reserved: number): number {
    const length = this.#at - start - reserved;
    const needed = lengthBytes(length);
    if (needed !== reserved) {
      this.#room(VARINT32_BYTES_MAX);
      this.#bytes.copyWithin(start + needed, start + reserved, this.#at);
      this.#at += needed - reserved;
    }
    varint(this.#bytes, start, length);
    return needed;
  }

  #room(bytes: number): void {
    const needed = this.#at + bytes;
    if (needed <= this.#bytes.byteLength) return;
    let size = this.#bytes.byteLength;
    while (size < needed) size *= 2;
    const larger = Buffer.allocUnsafeSlow(size);
    this.#bytes.copy(larger, 0, 0, this.#at);
    this.#bytes = larger;
  }
}

/** Returns the place behind the number. */
function varint(bytes: Buffer, start: number, value: number): number {
  let at = start;
  let rest = value;
  while (rest > 0x7f) {
    bytes[at++] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
  }
  bytes[at++] = rest;
  return at;
}

function lengthBytes(length: number): number {
  if (length < 0x80) return 1;
  if (length < 0x4000) return 2;
  if (length < 0x20_0000) return 3;
  return length < 0x1000_0000 ? 4 : 5;
}
