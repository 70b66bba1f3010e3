/** The fast path of plain unary calls: from the bytes to the wrapped handler and back, without connect-es in between. */
import { fromBinary, type Message } from "@bufbuild/protobuf";
import { countValues } from "../../transcoding/binary-scan.ts";
import { binaryWriter } from "../../transcoding/binary-writer.ts";
import { parseScanned, scanBytes, toMessage } from "../../transcoding/json-message.ts";
import { jsonWriter } from "../../transcoding/json-writer.ts";
import type { LiveCall } from "../call/call.ts";
import { deadlineExceeded } from "../call/call-error.ts";
import { readTimeout } from "../call/call-timeout.ts";
import { type BoundMethod, noteError } from "../call/handler.ts";
import { type TransportContext, toDeadlineTime } from "../call/transport-context.ts";
import { rulesOf } from "../connect/connect-body.ts";
import type { MessageRules } from "../connect/request-messages.ts";
import type { Exchange } from "../exchange/exchange.ts";
import { takeTurn } from "../exchange/turns.ts";
import { answerError, answerMessage, PREFIX_BYTES, type UnaryAnswer } from "./unary-answer.ts";
import type { UnaryForm } from "./unary-form.ts";

/** A bound method whose calls may take the fast path. */
type UnaryMethod<A> = Extract<BoundMethod<A>, { kind: "unary" }>;

/** Hands a call to connect-es, with the part of its body that was read already. */
export type Decline = (held: readonly Uint8Array[]) => void;

/** What a request of a method may be. Made once for each method. */
export interface UnaryRules {
  readonly message: MessageRules;
  readonly timeoutMsMax: number;
}

export function unaryRulesOf<A>(bound: BoundMethod<A>, { limits }: TransportContext<A>): UnaryRules {
  return { message: rulesOf(bound, limits), timeoutMsMax: limits.deadlineMsMax };
}

/** An admitted call in a plain form. */
export interface UnaryCall<A> {
  readonly bound: UnaryMethod<A>;
  readonly rules: UnaryRules;
  readonly form: UnaryForm;
  readonly call: LiveCall<A>;
  readonly exchange: Exchange;
}

/**
 * Serves a call. Whatever is not as it should be before the handler runs (a timeout or message that cannot be read, more
 * than one message, flags) goes to connect-es by `decline`, which says what is wrong: this path knows the plain case only.
 */
export async function serveUnary<A>(
  unary: UnaryCall<A>,
  context: TransportContext<A>,
  decline: Decline,
): Promise<void> {
  const { bound, rules, form, call, exchange } = unary;
  if (form.timeout !== undefined) {
    const timeoutMs = readTimeout(form.timeout, call.wire);
    if (timeoutMs === undefined || timeoutMs === 0) {
      decline([]);
      return;
    }
    call.deadlineTime = toDeadlineTime(Math.min(timeoutMs, rules.timeoutMsMax));
  }
  const answer: UnaryAnswer<A> = { exchange, form, call, registry: bound.mount.options.rest?.registry };
  try {
    const { chunks, isWhole } = await readBody(unary);
    const turn = takeTurn();
    if (turn !== undefined) await turn;
    const request = isWhole ? decode(unary, chunks) : undefined;
    if (exchange.over) return;
    if (request === undefined) {
      decline(chunks);
      return;
    }
    const message = await bound.invoke(request, call);
    if (exchange.over) return;
    await answerMessage(answer, encode(unary, message));
  } catch (reason) {
    if (exchange.over) return;
    await answerError(answer, noteError(call, reason, context.logInternal));
  }
}

interface Read {
  readonly chunks: readonly Uint8Array[];
  /** Whether the body ended within what is plain. */
  readonly isWhole: boolean;
}

/** Longer bodies are not plain: connect-es' path takes a turn of the event loop for each step of their decoding. */
const PLAIN_BODY_BYTES_MAX = 16 * 1024;

/** Rejects when the body does not arrive in time or the client is gone. */
async function readBody<A>({ exchange, rules, call }: UnaryCall<A>): Promise<Read> {
  const { body } = exchange;
  const bytesMax = Math.min(rules.message.bodyBytesMax + PREFIX_BYTES, PLAIN_BODY_BYTES_MAX);
  const { deadlineTime } = call;
  const timer =
    deadlineTime === undefined || body.ended
      ? undefined
      : setTimeout(() => body.fail(deadlineExceeded()), Math.max(0, deadlineTime - Date.now()));
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  try {
    for (;;) {
      const result = await body.next();
      if (result.done) return { chunks, isWhole: true };
      chunks.push(result.value);
      bytes += result.value.byteLength;
      if (bytes > bytesMax) return { chunks, isWhole: false };
    }
  } finally {
    clearTimeout(timer);
  }
}

/** Returns the one message of a body; `undefined`: it is anything else. */
function decode<A>({ bound, rules, form, call }: UnaryCall<A>, chunks: readonly Uint8Array[]): Message | undefined {
  if (call.deadlineTime !== undefined && call.deadlineTime <= Date.now()) throw deadlineExceeded();
  const all = chunks.length === 1 ? (chunks[0] as Uint8Array) : Buffer.concat(chunks);
  const bytes = form.protocol === "connect" ? all : contentOf(all);
  if (bytes === undefined || bytes.byteLength > rules.message.bodyBytesMax) return undefined;
  try {
    if (form.isJson) {
      const scanned = scanBytes(bytes, rules.message.valuesMax);
      return toMessage(bound.method.input, parseScanned(scanned), rules.message.json);
    }
    if (!isCountable(bound, rules, bytes)) return undefined;
    return fromBinary(bound.method.input, bytes);
  } catch {
    return undefined;
  }
}

/** The message of a body with exactly one envelope, without flags. */
function contentOf(body: Uint8Array): Uint8Array | undefined {
  if (body.byteLength < PREFIX_BYTES || body[0] !== 0) return undefined;
  const length = new DataView(body.buffer, body.byteOffset).getUint32(1);
  return body.byteLength === PREFIX_BYTES + length ? body.subarray(PREFIX_BYTES) : undefined;
}

/** Whether a message has no more values than it may. A value takes a byte at least. */
function isCountable<A>(
  { method }: UnaryMethod<A>,
  { message: { valuesMax } }: UnaryRules,
  bytes: Uint8Array,
): boolean {
  return bytes.byteLength <= valuesMax || countValues(method.input, bytes, valuesMax) <= valuesMax;
}

/** Returns the bytes of a message behind room for the prefix, if its protocol has one. */
function encode<A>({ bound, rules, form }: UnaryCall<A>, message: Message): Buffer {
  const { output } = bound.method;
  const reserve = form.protocol === "connect" ? 0 : PREFIX_BYTES;
  if (!form.isJson) return binaryWriter(output)(message, reserve);
  return Buffer.from(jsonWriter(output, rules.message.json)(message));
}
