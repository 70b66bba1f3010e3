/** The fast path of plain unary calls: from the bytes to the wrapped handler and back, without connect-es in between. */
import { fromBinary, type Message } from "@bufbuild/protobuf";
import { countValues } from "../../transcoding/binary-scan.ts";
import { binaryWriter } from "../../transcoding/binary-writer.ts";
import { showUnderscores } from "../../transcoding/field-mask.ts";
import { parseScanned, scanBytes, toMessage } from "../../transcoding/json-message.ts";
import { jsonWriter } from "../../transcoding/json-writer.ts";
import type { LiveCall } from "../call/call.ts";
import { readTimeout, timeoutHeaderOf, timeoutMsMax } from "../call/call-timeout.ts";
import { type BoundMethod, noteError } from "../call/handler.ts";
import type { TransportContext } from "../call/transport-context.ts";
import { rulesOf } from "../connect/connect-body.ts";
import type { MessageRules } from "../connect/request-messages.ts";
import type { Exchange } from "../exchange/exchange.ts";
import type { BodyWatcher, RequestBody } from "../exchange/request-body.ts";
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
  return { message: rulesOf(bound, limits), timeoutMsMax: timeoutMsMax(bound.method, limits) };
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
  const timeout = exchange.headerValue(timeoutHeaderOf(form.protocol));
  if (timeout !== undefined) {
    const timeoutMs = readTimeout(timeout, call.wire);
    if (timeoutMs === undefined || timeoutMs === 0) {
      decline();
      return;
    }
    call.setTimeout(Math.min(timeoutMs, rules.timeoutMsMax));
  }
  // Before a byte of it is asked for: what announces too much is refused at once, and nobody waits for it.
  if (Number(exchange.headerValue("content-length") ?? 0) > bytesMaxOf(rules)) decline();
  else exchange.body.watch(new UnaryReader(unary));
}

function bytesMaxOf({ message }: UnaryRules): number {
  return Math.min(message.bodyBytesMax + PREFIX_BYTES, PLAIN_BODY_BYTES_MAX);
}

/**
 * Reads the one message of a body. It follows the bytes as they arrive, because connect-es does: a fault is answered at
 * once, even if the client never ends its request. A good message waits for the end.
 */
class UnaryReader<A> implements BodyWatcher {
  readonly #unary: UnaryCall<A>;
  readonly #bytesMax: number;
  /** The length of the body by its prefix; 0 until that is there. Connect's bodies have none. */
  #bytes = 0;
  #request: Message | undefined;
  #isStepping: boolean = false;
  #isOver: boolean = false;

  constructor(unary: UnaryCall<A>) {
    this.#unary = unary;
    this.#bytesMax = bytesMaxOf(unary.rules);
  }

  look(): void {
    const { body } = this.#unary.exchange;
    if (body.isFailed || body.heldBytes > this.#bytesMax || !this.#isPrefixPlain(body)) this.#decline();
    else if (!this.#isStepping && (body.isWhole || (body.heldBytes === this.#bytes && this.#request === undefined))) {
      this.#isStepping = true;
      runInTurn(() => this.#step());
    }
  }

  /** Whether what is held may be one envelope without flags, or the beginning of one. */
  #isPrefixPlain(body: RequestBody): boolean {
    if (this.#unary.form.protocol === "connect") return true;
    if (this.#bytes === 0) {
      if (body.heldBytes < PREFIX_BYTES) return !body.isWhole;
      const { held } = body;
      if (held[0] !== 0) return false;
      this.#bytes = PREFIX_BYTES + held.readUInt32BE(1);
    }
    if (this.#bytes > this.#bytesMax || body.heldBytes > this.#bytes) return false;
    return body.heldBytes === this.#bytes || !body.isWhole;
  }

  /** Decodes the message, and calls the handler if the body is whole. The end of the body makes the next step. */
  #step(): void {
    this.#isStepping = false;
    const unary = this.#unary;
    const { body } = unary.exchange;
    if (this.#isOver) return;
    this.#request ??= decode(unary, body.held);
    const request = this.#request;
    if (request === undefined) {
      this.#decline();
    } else if (body.isWhole) {
      this.#end();
      if (!unary.exchange.over) runInTrace(unary.exchange, () => void answer(unary, request).catch(unary.fail));
    }
  }

  /** Bodies may fail together, when their time is up: each has its turn, because connect-es' path is expensive. */
  #decline(): void {
    this.#end();
    const { exchange, decline } = this.#unary;
    if (exchange.over) return;
    runInTurn(() => {
      if (!exchange.over) runInTrace(exchange, decline);
    });
  }

  #end(): void {
    this.#isOver = true;
    this.#unary.exchange.body.unwatch();
  }
}

/**
 * Runs work of a call within its trace. Neither the events of its body nor later turns belong to the call by themselves:
 * the trace would lack the store's commands.
 */
function runInTrace({ trace }: Exchange, work: () => void): void {
  if (trace === undefined) work();
  else trace.run(work);
}

async function answer<A>(unary: UnaryCall<A>, request: Message): Promise<void> {
  const { bound, form, call, exchange } = unary;
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

/** Returns the message of a body whose prefix is plain; `undefined`: it cannot be read. */
function decode<A>({ bound, rules, form }: UnaryCall<A>, body: Buffer): Message | undefined {
  const bytes = form.protocol === "connect" ? body : body.subarray(PREFIX_BYTES);
  if (bytes.byteLength > rules.message.bodyBytesMax) return undefined;
  const { input } = bound.method;
  try {
    if (form.isJson) {
      const scanned = scanBytes(bytes, rules.message.valuesMax);
      return toMessage(input, parseScanned(scanned), rules.message.json);
    }
    if (!isCountable(bound, rules, bytes)) return undefined;
    const message = fromBinary(input, bytes);
    showUnderscores(input, message);
    return message;
  } catch {
    return undefined;
  }
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
