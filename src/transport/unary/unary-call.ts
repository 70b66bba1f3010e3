/** The fast path of plain unary calls: from the bytes to the wrapped handler and back, without connect-es in between. */
import { fromBinary, type Message } from "@bufbuild/protobuf";
import { countValues } from "../../transcoding/binary-scan.ts";
import { binaryWriter } from "../../transcoding/binary-writer.ts";
import { parseScanned, scanBytes, toMessage } from "../../transcoding/json-message.ts";
import { jsonWriter } from "../../transcoding/json-writer.ts";
import type { LiveCall } from "../call/call.ts";
import { readTimeout } from "../call/call-timeout.ts";
import { type BoundMethod, noteError } from "../call/handler.ts";
import type { TransportContext } from "../call/transport-context.ts";
import { rulesOf } from "../connect/connect-body.ts";
import type { MessageRules } from "../connect/request-messages.ts";
import type { Exchange } from "../exchange/exchange.ts";
import { hasTurn, runInTurn, takeTurn } from "../exchange/turns.ts";
import { answerError, answerMessage, PREFIX_BYTES } from "./unary-answer.ts";
import { findAnswerCompression, type UnaryForm } from "./unary-form.ts";

/** A bound method whose calls may take the fast path. */
type UnaryMethod<A> = Extract<BoundMethod<A>, { kind: "unary" }>;

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
  readonly context: TransportContext<A>;
  /** Hands the call to connect-es; the body is still there in full. */
  readonly decline: () => void;
  /** Ends a call that cannot be answered. */
  readonly fail: (reason: unknown) => void;
}

/** Longer bodies are not plain: connect-es' path takes a turn of the event loop for each step of their decoding. */
const PLAIN_BODY_BYTES_MAX = 16 * 1024;

/**
 * Serves a call. Whatever is not as it should be before the handler runs (a timeout or message that cannot be read, a
 * body that does not end, more than one message, flags) goes to connect-es, which says what is wrong: this path knows the
 * plain case only.
 */
export function serveUnary<A>(unary: UnaryCall<A>): void {
  const { rules, form, call, exchange, decline } = unary;
  const timeout = exchange.headerValue(form.timeoutHeader);
  if (timeout !== undefined) {
    const timeoutMs = readTimeout(timeout, call.wire);
    if (timeoutMs === undefined || timeoutMs === 0) {
      decline();
      return;
    }
    call.setTimeout(Math.min(timeoutMs, rules.timeoutMsMax));
  }
  const bytesMax = Math.min(rules.message.bodyBytesMax + PREFIX_BYTES, PLAIN_BODY_BYTES_MAX);
  exchange.body.whenHeld(bytesMax, () => runInTurn(() => handle(unary, bytesMax).catch(unary.fail)));
}

async function handle<A>(unary: UnaryCall<A>, bytesMax: number): Promise<void> {
  const { bound, form, call, exchange } = unary;
  if (exchange.over) return;
  const { whole } = exchange.body;
  const request = whole === undefined || whole.byteLength > bytesMax ? undefined : decode(unary, whole);
  if (request === undefined) {
    unary.decline();
    return;
  }
  try {
    const message = await bound.invoke(request, call);
    // The encoding may take long.
    if (!hasTurn()) await takeTurn();
    if (exchange.over) return;
    const sending = answerMessage(exchange, form, call, encode(unary, message));
    if (sending !== undefined) await sending;
  } catch (reason) {
    const error = noteError(call, reason, unary.context.logInternal);
    if (exchange.over) return;
    const { rest } = bound.mount.options;
    const compression = findAnswerCompression(exchange, form);
    await answerError(exchange, form, { error, registry: rest?.registry, call, compression });
  }
}

/** Returns the one message of a body; `undefined`: it is anything else. */
function decode<A>({ bound, rules, form }: UnaryCall<A>, body: Uint8Array): Message | undefined {
  const bytes = form.protocol === "connect" ? body : contentOf(body);
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

/** Returns the JSON of a message, or its bytes behind room for the prefix, if its protocol has one. */
function encode<A>({ bound, rules, form }: UnaryCall<A>, message: Message): Buffer | string {
  const { output } = bound.method;
  const reserve = form.protocol === "connect" ? 0 : PREFIX_BYTES;
  if (!form.isJson) return binaryWriter(output)(message, reserve);
  return jsonWriter(output, rules.message.json)(message);
}
