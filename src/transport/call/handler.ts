/** Binds handlers for all wires: records the request, enforces the deadline, normalises errors. */
import type { DescMethod, Message } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { fitRefusal } from "../../transcoding/refusal-size.ts";
import { hasTurn, takeTurn } from "../exchange/turns.ts";
import type { Call, Mount } from "../mount.ts";
import type { LiveCall } from "./call.ts";
import { correctDecodeError, deadlineExceeded, sanitize, toCallError } from "./call-error.ts";
import type { LogInternal } from "./call-record.ts";

/** A method with its handler, as the protocols serve it. */
export type BoundMethod<A> =
  | { readonly kind: "unary"; readonly mount: Mount<A>; readonly method: DescMethod; readonly invoke: UnaryInvoke<A> }
  | {
      readonly kind: "stream";
      readonly mount: Mount<A>;
      readonly method: DescMethod;
      readonly invoke: StreamInvoke<A>;
    };

export type UnaryInvoke<A> = (request: Message, call: LiveCall<A>) => Promise<Message>;
/** Calls a streaming handler. The input is one message, or an iterable of messages where clients stream. */
export type StreamInvoke<A> = (
  input: Message | AsyncIterable<Message>,
  call: LiveCall<A>,
) => AsyncGenerator<Message, void, undefined>;

type LooseUnary<A> = (request: Message, call: Call<A>) => Promise<Message>;
type LooseStream<A> = (input: Message | AsyncIterable<Message>, call: Call<A>) => AsyncIterable<Message>;

/** Returns the served methods of a mount, each bound to its handler. A method without a handler is UNIMPLEMENTED. */
export function bindMethods<A>(mount: Mount<A>, logInternal: LogInternal): BoundMethod<A>[] {
  const { service, options } = mount;
  for (const name of options.methods ?? []) {
    if (service.method[name] === undefined) {
      throw new Error(
        `mount: ${service.typeName} has no method ${name}; it has ${Object.keys(service.method).join(", ")}`,
      );
    }
  }
  return service.methods
    .filter((method) => options.methods?.includes(method.localName) ?? true)
    .map((method) => {
      const handler = mount.handlers[method.localName] ?? unimplemented(method);
      if (method.methodKind === "unary") {
        const invoke = bindUnary(handler as LooseUnary<A>, logInternal);
        return { kind: "unary", mount, method, invoke };
      }
      return { kind: "stream", mount, method, invoke: bindStream(handler as LooseStream<A>, logInternal) };
    });
}

/** Records the error of a call, logs the cause of an INTERNAL one, and returns the error to send. */
export function noteError<A>(call: LiveCall<A>, reason: unknown, logInternal: LogInternal): ConnectError {
  const error = toCallError(reason, call.signalIfAny);
  if (error !== call.error) {
    const cause = sanitize(error);
    if (cause !== undefined) logInternal(cause, call.id);
    call.describeError?.(error, { method: call.method, callId: call.id, isJson: call.isJson });
    fitRefusal(error);
    call.error ??= error;
  }
  return error;
}

function bindUnary<A>(handler: LooseUnary<A>, logInternal: LogInternal): UnaryInvoke<A> {
  return async (request, call) => {
    call.request = request;
    if (!hasTurn()) await takeTurn();
    try {
      if (call.deadline?.isOver) throw deadlineExceeded();
      const answer = handler(request, call);
      call.retainBodyUntil(answer);
      return await (call.deadline === undefined ? answer : call.deadline.race(answer));
    } catch (reason) {
      throw noteError(call, reason, logInternal);
    }
  };
}

function bindStream<A>(handler: LooseStream<A>, logInternal: LogInternal): StreamInvoke<A> {
  return async function* invoke(input, call) {
    try {
      if (Symbol.asyncIterator in input) {
        yield* untilDeadline(handler(noteFirst(input, call), call), call);
      } else {
        call.request = input;
        yield* untilDeadline(handler(input, call), call);
      }
    } catch (reason) {
      throw noteError(call, reason, logInternal);
    }
  };
}

async function* noteFirst<A>(input: AsyncIterable<Message>, call: LiveCall<A>): AsyncGenerator<Message> {
  try {
    for await (const message of input) {
      call.request ??= message;
      yield message;
    }
  } catch (reason) {
    if (reason instanceof ConnectError) correctDecodeError(reason);
    throw reason;
  }
}

async function* untilDeadline<A>(
  answers: AsyncIterable<Message>,
  call: LiveCall<A>,
): AsyncGenerator<Message, undefined, undefined> {
  const { deadline } = call;
  if (deadline === undefined) {
    yield* answers;
    return;
  }
  const iterator = answers[Symbol.asyncIterator]();
  let left = false;
  try {
    for (;;) {
      const result = await deadline.race(iterator.next());
      if (result.done) {
        left = true;
        return;
      }
      yield result.value;
    }
  } finally {
    if (!left) {
      // Not awaited: a busy generator ends only when its present step does.
      const ending = iterator.return?.();
      if (ending !== undefined) call.retainBodyUntil(ending);
      ending?.catch(() => undefined);
    }
  }
}

function unimplemented(method: DescMethod): () => Promise<Message> & AsyncIterable<Message> {
  return () => {
    throw new ConnectError(`${method.parent.typeName}.${method.name} is not implemented`, Code.Unimplemented);
  };
}
