/** Wraps every handler of a service in the same way: validate, handle, recheck, map refusals. The results are mounted. */
import type { DescMessage, DescService, Message } from "@bufbuild/protobuf";
import type { ServiceCall, ServiceHandlers } from "./call.ts";
import { mapError, toConnectError } from "./errors.ts";
import { isList } from "./list-lanes.ts";
import type { Operations } from "./operations/operations.ts";
import { validate } from "./validation.ts";

type Handler = (request: Message, call: ServiceCall) => Promise<Message>;
type Parts = Pick<Operations, "lists" | "recheck">;
type StreamHandler = (request: Message, call: ServiceCall) => AsyncIterable<Message>;

/**
 * Returns the handlers with validation before them, and a second look at the credential and error mapping after them;
 * lists take places in `lists`. Throws if a method has no handler.
 */
export function protect<S extends DescService>(
  service: S,
  handlers: ServiceHandlers<S>,
  parts: Parts,
): ServiceHandlers<S> {
  const all = handlers as unknown as Readonly<Record<string, (Handler & StreamHandler) | undefined>>;
  const protectedHandlers: Record<string, Handler | StreamHandler> = {};
  for (const method of service.methods) {
    const handler = all[method.localName];
    if (handler === undefined) throw new Error(`protect: ${service.typeName} has no handler for ${method.name}`);
    protectedHandlers[method.localName] =
      method.methodKind === "unary"
        ? protectHandler(method.input, isList(method.name) ? inLane(parts, handler) : handler, parts)
        : protectStream(method.input, handler);
  }
  return protectedHandlers as unknown as ServiceHandlers<S>;
}

function inLane({ lists }: Parts, handler: Handler): Handler {
  return (request, call) =>
    lists.run({ actor: call.admission.actor, signal: call.signal }, () => handler(request, call));
}

function protectHandler(input: DescMessage, handler: Handler, { recheck }: Parts): Handler {
  return async (request, call) => {
    const refusal = validate(input, request);
    if (refusal !== undefined) throw toConnectError(refusal);
    try {
      try {
        return await handler(request, call);
      } finally {
        recheck(call.admission);
      }
    } catch (error) {
      throw mapError(error);
    }
  };
}

/** Its handler looks at the credential again while it sends. */
function protectStream(input: DescMessage, handler: StreamHandler): StreamHandler {
  return async function* protectedStream(request, call) {
    const refusal = validate(input, request);
    if (refusal !== undefined) throw toConnectError(refusal);
    try {
      yield* handler(request, call);
    } catch (error) {
      throw mapError(error);
    }
  };
}
