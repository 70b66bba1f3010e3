/** The transport of a signed-in caller: gRPC-Web to the service that serves this page. */
import { Code, ConnectError, type Interceptor, type Transport } from "@connectrpc/connect";
import { createGrpcWebTransport } from "@connectrpc/connect-web";
import { fetchAnswer } from "./fetch-answer.ts";
import { heedServiceClock } from "./time.ts";

/** In milliseconds. An answer that has not come by then is a lost one. */
const CALL_MS_MAX = 30_000;

/** As `timeoutMs` of a call: it lasts as long as the service lets it. */
export const NO_TIMEOUT = 0;

/**
 * Returns a transport that sends the credential with every call. `onError` is called with each error, also of streams. Calls
 * without a time of their own end after 30 s.
 */
export function createTransport(secret: string, onError: (error: ConnectError) => void): Transport {
  const authorize: Interceptor = (next) => async (request) => {
    request.header.set("authorization", `Bearer ${secret}`);
    const sent = Date.now();
    try {
      const response = await next(request);
      heedServiceClock(response.header.get("date"), sent);
      return response.stream ? { ...response, message: heard(response.message, onError) } : response;
    } catch (error) {
      tell(error, onError);
      throw error;
    }
  };
  return createGrpcWebTransport({
    baseUrl: location.origin,
    interceptors: [authorize],
    fetch: fetchAnswer,
    defaultTimeoutMs: CALL_MS_MAX,
  });
}

async function* heard<O>(messages: AsyncIterable<O>, onError: (error: ConnectError) => void): AsyncGenerator<O> {
  try {
    yield* messages;
  } catch (error) {
    tell(error, onError);
    throw error;
  }
}

function tell(error: unknown, onError: (error: ConnectError) => void): void {
  const known = ConnectError.from(error);
  if (known.code !== Code.Canceled) onError(known);
}
