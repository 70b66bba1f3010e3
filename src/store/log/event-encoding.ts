/** How an event becomes bytes, what its hash covers, and how commits are chained. Frozen once released. */
import { hash, randomFillSync } from "node:crypto";
import { canonicalJson, type Json } from "../../domain/canonical-json.ts";
import type { DomainEvent } from "../commands.ts";

/*
 * body    = 0x02 ‖ UTF-8 of the canonical JSON of { apiKeyId?, commitments, data, type }
 *           `commitments`: personal name → base64 of its commitment; `apiKeyId` stands in events of API keys alone
 * commitment(name, value) = SHA-256(salt ‖ u32(bytes of name) ‖ name ‖ value), salt: 32 random bytes
 * hash    = SHA-256(u32(bytes of envelope) ‖ envelope ‖ body)
 * envelope = UTF-8 of the canonical JSON of [log, position, previous_position, organization_id, user_id, sequence,
 *           type, time, record_time, actor, via, request_id]; where the body begins with 0x01, `log` is left out
 * link    = SHA-256(previous link ‖ hashes of the commit's events in the order of their positions)
 *
 * Events are written with the body version 0x02. Those of 0x01 stay as they were written and keep their hashes: the
 * version byte is part of what is hashed, so no event can pass for one of the other version.
 *
 * u32 is big-endian. The first link's predecessor is 32 zero bytes. The salts and values of personal fields are stored
 * next to the event and can be erased without touching the chain.
 */

/** The number of the log. There is one log; its number is hashed so that several are possible later. */
export const EVENT_LOG = 0;

const BODY_VERSION = 0x02;
/** The envelope of this version has no log number. */
const FIRST_BODY_VERSION = 0x01;
const SALT_BYTES = 32;
/** One byte in UTF-8, like every code unit below 0x80: body and version are encoded together. */
const VERSION_TEXT = String.fromCharCode(BODY_VERSION);

/** The predecessor of the first link. */
export const FIRST_LINK: Uint8Array = new Uint8Array(32);

/** Personal name → [salt as base64, value], stored next to the event. */
export type PrivateValues = Readonly<Record<string, readonly [string, string]>>;

/** An event's columns without body and hash. */
export interface EventEnvelope {
  readonly position: number;
  readonly previousPosition: number | null;
  readonly organizationId: string | null;
  readonly userId: string | null;
  readonly sequence: number;
  readonly type: string;
  readonly time: number;
  readonly recordTime: number;
  readonly actor: string;
  readonly via: string;
  readonly requestId: string;
}

export interface EncodedBody {
  readonly body: Uint8Array;
  /** `null`: the event has no personal values. */
  readonly privateValues: PrivateValues | null;
}

type EncodableEvent = Pick<DomainEvent, "type" | "personal"> & { readonly data: object };

/** Encodes an event, with a new random salt for each personal value. */
export function encodeBody(event: EncodableEvent, apiKeyId?: string): EncodedBody {
  const values: [string, [string, string]][] = [];
  const commitments: [string, string][] = [];
  for (const [name, value] of Object.entries(event.personal)) {
    const salt = drawSalt();
    values.push([name, [salt.toString("base64"), value]]);
    commitments.push([name, commit(salt, name, value)]);
  }
  const text = canonicalJson({
    ...(apiKeyId === undefined ? {} : { apiKeyId }),
    // fromEntries defines own properties, so that a name like __proto__ is data like any other.
    commitments: Object.fromEntries(commitments),
    data: event.data as Json,
    type: event.type,
  });
  return {
    body: Buffer.from(VERSION_TEXT + text),
    privateValues: values.length === 0 ? null : Object.fromEntries(values),
  };
}

export interface DecodedBody {
  readonly type: string;
  readonly data: object;
  readonly commitments: Readonly<Record<string, string>>;
  readonly apiKeyId?: string;
}

/** Decodes a body. Throws on bytes that no version of this service wrote. */
export function decodeBody(body: Uint8Array): DecodedBody {
  if (body[0] !== BODY_VERSION && body[0] !== FIRST_BODY_VERSION) {
    throw new Error(`event body has the version ${body[0]}; known are ${FIRST_BODY_VERSION} and ${BODY_VERSION}`);
  }
  return JSON.parse(Buffer.from(body.buffer, body.byteOffset + 1, body.byteLength - 1).toString()) as DecodedBody;
}

/** Returns the commitment to a personal value, as base64. */
export function commit(salt: Uint8Array, name: string, value: string): string {
  const nameAt = salt.length + U32_BYTES;
  const nameBytes = Buffer.byteLength(name);
  const length = nameAt + nameBytes + Buffer.byteLength(value);
  const bytes = inOnePiece(length);
  bytes.set(salt);
  bytes.writeUInt32BE(nameBytes, salt.length);
  bytes.write(name, nameAt);
  bytes.write(value, nameAt + nameBytes);
  return hash("sha256", bytes, "base64");
}

/** Returns the hash of an event by the rule of its body's version. */
export function hashEvent(envelope: EventEnvelope, body: Uint8Array): Buffer {
  const e = envelope;
  const log = body[0] === FIRST_BODY_VERSION ? [] : [EVENT_LOG];
  // For an array of plain values JSON.stringify writes the canonical form, and faster.
  const text = JSON.stringify([
    ...log,
    e.position,
    e.previousPosition,
    e.organizationId,
    e.userId,
    e.sequence,
    e.type,
    e.time,
    e.recordTime,
    e.actor,
    e.via,
    e.requestId,
  ]);
  const textBytes = Buffer.byteLength(text);
  const bytes = inOnePiece(U32_BYTES + textBytes + body.length);
  bytes.writeUInt32BE(textBytes);
  bytes.write(text, U32_BYTES);
  bytes.set(body, U32_BYTES + textBytes);
  return digestOf(bytes);
}

export function hashLink(previous: Uint8Array, eventHashes: readonly Uint8Array[]): Buffer {
  return digestOf(Buffer.concat([previous, ...eventHashes]));
}

const HASH_BYTES = 32;
let digests: Buffer = Buffer.allocUnsafeSlow(HASH_BYTES * 128);
let digestsUsed = 0;

/** Returns a SHA-256 in memory that it shares with others: memory of its own costs more than the hashing. */
function digestOf(bytes: Uint8Array): Buffer {
  if (digestsUsed === digests.length) {
    digests = Buffer.allocUnsafeSlow(digests.length);
    digestsUsed = 0;
  }
  digestsUsed += HASH_BYTES;
  const digest = digests.subarray(digestsUsed - HASH_BYTES, digestsUsed);
  digest.write(hash("sha256", bytes, "binary"), "latin1");
  return digest;
}

const U32_BYTES = 4;
let assembled: Buffer = Buffer.allocUnsafe(4_096);

/** Returns memory that all hashes share, valid until the next call: buffers of the parts would be copied together again. */
function inOnePiece(length: number): Buffer {
  if (assembled.length < length) assembled = Buffer.allocUnsafe(length);
  return assembled.subarray(0, length);
}

// One call of the random generator for many salts: it costs as much for 32 bytes as for 4,096.
const saltPool = Buffer.allocUnsafe(SALT_BYTES * 128);
let saltsUsed = saltPool.length;

/** Returns a new salt, valid until the next call. */
function drawSalt(): Buffer {
  if (saltsUsed === saltPool.length) {
    randomFillSync(saltPool);
    saltsUsed = 0;
  }
  saltsUsed += SALT_BYTES;
  return saltPool.subarray(saltsUsed - SALT_BYTES, saltsUsed);
}
