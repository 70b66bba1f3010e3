/** Collects, decompresses and checks the messages of a request before Connect decodes anything. */
import type { DescMessage } from "@bufbuild/protobuf";
import { countValues } from "../../transcoding/binary-scan.ts";
import { checkJson, type JsonReadPolicy, parseScanned, scanBytes } from "../../transcoding/json-message.ts";
import { tooManyValues } from "../../transcoding/rest-error.ts";
import { unknownFlags } from "../call/call-error.ts";
import { takeTurn } from "../exchange/turns.ts";

/** The rules for the request messages of a method. */
export interface MessageRules {
  readonly input: DescMessage;
  /** The largest decompressed message. */
  readonly bodyBytesMax: number;
  readonly valuesMax: number;
  readonly json: JsonReadPolicy;
}

/** Rejects with the fault of a message, in the same words as REST. Each step lets other calls run first. */
export type Inspect = (bytes: Uint8Array) => Promise<void>;

/** Makes the check of a method's messages. */
export function inspection({ input, valuesMax, json }: MessageRules, isJson: boolean): Inspect {
  return async (bytes) => {
    await takeTurn();
    if (isJson) {
      const scanned = scanBytes(bytes, valuesMax);
      await takeTurn();
      checkJson(input, parseScanned(scanned), json);
    } else if (countValues(input, bytes, valuesMax) > valuesMax) {
      throw tooManyValues(valuesMax);
    }
    // Connect's decoding comes next and has its own turn, too.
    await takeTurn();
  };
}

/** Decompresses a message. Rejects with a `ConnectError` if that fails, or if the result is larger than there is room for. */
export type Inflate = (bytes: Uint8Array) => Promise<Uint8Array>;

const PREFIX_BYTES = 5;
const COMPRESSED = 1;

/**
 * Yields the envelopes of gRPC, gRPC-Web and Connect's streams, each in one piece and none compressed. Throws for flags
 * that no client may set: Connect would decode such messages. An envelope that is too large, ends too early or has an
 * unknown encoding is passed on as it came: Connect refuses it before it decodes.
 */
export async function* wholeEnvelopes(
  body: AsyncIterable<Uint8Array>,
  { bodyBytesMax }: Pick<MessageRules, "bodyBytesMax">,
  inspect: Inspect,
  inflate: Inflate | undefined,
): AsyncGenerator<Uint8Array, undefined, undefined> {
  let held: Uint8Array[] = [];
  let heldBytes = 0;
  let isPassedOn: boolean = false;
  for await (const chunk of body) {
    held.push(chunk);
    heldBytes += chunk.byteLength;
    while (heldBytes >= PREFIX_BYTES && !isPassedOn) {
      const { flags, bytes } = readPrefix(held);
      if ((flags & ~COMPRESSED) !== 0) throw unknownFlags(flags);
      isPassedOn = bytes > bodyBytesMax || (flags === COMPRESSED && inflate === undefined);
      const end = PREFIX_BYTES + bytes;
      if (isPassedOn || heldBytes < end) break;
      const all = joined(held, heldBytes);
      yield await whole(all.subarray(0, end), { flags, inspect, inflate });
      held = all.byteLength > end ? [all.subarray(end)] : [];
      heldBytes = all.byteLength - end;
    }
    if (isPassedOn) yield* held.splice(0);
  }
  yield* held;
}

interface Envelope {
  readonly flags: number;
  readonly inspect: Inspect;
  readonly inflate: Inflate | undefined;
}

async function whole(envelope: Uint8Array, { flags, inspect, inflate }: Envelope) {
  const data = envelope.subarray(PREFIX_BYTES);
  if (flags !== COMPRESSED || inflate === undefined) {
    await inspect(data);
    return envelope;
  }
  const inflated = await inflate(data);
  await inspect(inflated);
  const prefix = Buffer.alloc(PREFIX_BYTES);
  prefix.writeUInt32BE(inflated.byteLength, 1);
  return Buffer.concat([prefix, inflated]);
}

function readPrefix(held: Uint8Array[]): { readonly flags: number; readonly bytes: number } {
  const [first = new Uint8Array()] = held;
  const prefix = first.byteLength >= PREFIX_BYTES ? first : Buffer.concat(held.slice(0, PREFIX_BYTES));
  const view = new DataView(prefix.buffer, prefix.byteOffset, PREFIX_BYTES);
  return { flags: view.getUint8(0), bytes: view.getUint32(1) };
}

function joined(chunks: readonly Uint8Array[], bytes: number): Uint8Array {
  return chunks.length === 1 ? (chunks[0] as Uint8Array) : Buffer.concat(chunks, bytes);
}

/** Yields the message of a unary Connect call: the whole body. */
export async function* wholeBody(
  body: AsyncIterable<Uint8Array>,
  { bodyBytesMax }: Pick<MessageRules, "bodyBytesMax">,
  inspect: Inspect,
  inflate: Inflate | undefined,
): AsyncGenerator<Uint8Array, undefined, undefined> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    chunks.push(chunk);
    bytes += chunk.byteLength;
    // Connect counts, too, and refuses the body.
    if (bytes > bodyBytesMax) yield* chunks.splice(0);
  }
  if (chunks.length === 0) {
    if (bytes === 0) await inspect(new Uint8Array());
    return;
  }
  const sent = joined(chunks, bytes);
  const message = inflate === undefined ? sent : await inflate(sent);
  await inspect(message);
  yield message;
}
