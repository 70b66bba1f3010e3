/** Wraps every handler of a service in the same way: validate, handle, map refusals. The results are mounted. */
import type { DescMessage, DescService, Message } from "@bufbuild/protobuf";
import type { ServiceCall, ServiceHandlers } from "./call.ts";
import { mapError, toConnectError } from "./errors.ts";
import { isList, type ListPlaces } from "./list-lanes.ts";
import { validate } from "./validation.ts";

type Handler = (request: Message, call: ServiceCall) => Promise<Message>;
type StreamHandler = (request: Message, call: ServiceCall) => AsyncIterable<Message>;

/**
 * Returns the handlers with validation before and error mapping after them; lists take places in `lists`. Throws if a
 * method has no handler.
 */
export function protect<S extends DescService>(
  service: S,
  handlers: ServiceHandlers<S>,
  lists: ListPlaces,
): ServiceHandlers<S> {
  const all = handlers as unknown as Readonly<Record<string, (Handler & StreamHandler) | undefined>>;
  const protectedHandlers: Record<string, Handler | StreamHandler> = {};
  for (const method of service.methods) {
    const handler = all[method.localName];
    if (handler === undefined) throw new Error(`protect: ${service.typeName} has no handler for ${method.name}`);
    protectedHandlers[method.localName] =
      method.methodKind === "unary"
        ? protectHandler(method.input, isList(method.name) ? inLane(lists, handler) : handler)
        : protectStream(method.input, handler);
  }
  return protectedHandlers as unknown as ServiceHandlers<S>;
}

function inLane(lists: ListPlaces, handler: Handler): Handler {
  return (request, call) =>
    lists.run({ actor: call.admission.actor, signal: call.signal }, () => handler(request, call));
}

function protectHandler(input: DescMessage, handler: Handler): Handler {
  return async (request, call) => {
    const refusal = validate(input, request);
    if (refusal !== undefined) throw toConnectError(refusal);
    try {
      return await handler(request, call);
    } catch (error) {
      throw mapError(error);
    }
  };
}

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
