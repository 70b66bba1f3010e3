/** Requests whose network may fail. Browsers report that as a TypeError, which a fault of the page may be as well. */
import { Code, ConnectError } from "@connectrpc/connect";

/** Fetches as `fetch` does. Where no answer comes, or only a part of one, it fails with ConnectError UNAVAILABLE. */
export async function fetchAnswer(input: RequestInfo | URL, init?: RequestInit): Promise<Response> {
  const answer = await fetch(input, init).catch((error: unknown) => {
    throw asUnavailable(error);
  });
  return answer.body === null ? answer : new Response(markCut(answer.body), answer);
}

function markCut(body: ReadableStream<Uint8Array>): ReadableStream<Uint8Array> {
  const reader = body.getReader();
  return new ReadableStream({
    async pull(controller) {
      try {
        const { done, value } = await reader.read();
        if (done) controller.close();
        else controller.enqueue(value);
      } catch (error) {
        controller.error(asUnavailable(error));
      }
    },
    cancel: (reason) => reader.cancel(reason),
  });
}

/** The browser does not say why. A call that the page itself took back fails with AbortError. */
function asUnavailable(error: unknown): unknown {
  return error instanceof TypeError
    ? new ConnectError("no answer came", Code.Unavailable, undefined, undefined, error)
    : error;
}
