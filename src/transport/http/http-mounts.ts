/** Serves plain HTTP mounts: their handlers read the request in parts and return a complete answer. */
import type { ConnectError } from "@connectrpc/connect";
import { Code } from "@connectrpc/connect";
import { parseJson } from "../../transcoding/json-message.ts";
import { callerGone, toCallError } from "../call/call-error.ts";
import { recordHttp, type TransportContext } from "../call/transport-context.ts";
import { answerText, type HttpRoute, sortMounts } from "../dispatch.ts";
import type { Exchange } from "../exchange/exchange.ts";
import { takeTurn } from "../exchange/turns.ts";
import type { HttpCall, HttpMount, HttpNote } from "../mount.ts";

/** Returns the routes with the longest prefix first, so that the most specific mount serves. */
export function createHttpRoutes<A>(mounts: readonly HttpMount<A>[], context: TransportContext<A>): HttpRoute[] {
  return sortMounts(mounts).map((mounted) => ({
    prefix: mounted.prefix,
    isExact: mounted.isExact ?? false,
    serve: (exchange) => {
      exchange.body.retain();
      serve(mounted, exchange, context)
        .catch((reason: unknown) => {
          context.logInternal(reason, exchange.callId);
          exchange.destroy();
        })
        .finally(() => exchange.body.release());
    },
  }));
}

async function serve<A>(mounted: HttpMount<A>, exchange: Exchange, context: TransportContext<A>): Promise<void> {
  let noted: HttpNote<A> | undefined;
  let failure: ConnectError | undefined;
  let signal: AbortSignal | undefined;
  const id = exchange.callId;
  exchange.onOver((completed) => {
    const error = failure ?? noted?.error ?? (completed ? undefined : callerGone());
    // A handler may hide its own failure behind its own words; the cause is logged here.
    if (failure === undefined && error?.code === Code.Internal) context.logInternal(error.cause ?? error, id);
    if (noted !== undefined) recordHttp(context, exchange, { noted, error });
  });
  const call: HttpCall<A> = {
    id,
    method: exchange.method,
    path: exchange.path,
    query: exchange.query,
    header: exchange.header,
    remoteAddress: exchange.remoteAddress,
    readBody: () => exchange.body.readAll(context.limits.bodyBytesMax),
    parseJson: async (bytes) => {
      await takeTurn();
      const { json } = parseJson(bytes, context.limits.valuesMax);
      await takeTurn();
      return json;
    },
    get signal() {
      signal ??= signalOf(exchange);
      return signal;
    },
    takeTurn,
    addToRecord: (more) => {
      noted = { ...noted, ...more };
      if (more.admission !== undefined) exchange.markAuthenticated();
    },
  };
  try {
    const { status, header, body } = await mounted.handler(call);
    const vary = exchange.answerHeader("vary");
    const both = "vary" in header && vary !== undefined ? { vary: `${vary}, ${header.vary}` } : {};
    exchange.answer(status, { ...header, ...both }, body);
  } catch (reason) {
    failure = toCallError(reason);
    if (failure.code === Code.Internal) context.logInternal(reason, id);
    answerText(exchange, 500, {}, "internal error");
  }
}

function signalOf(exchange: Exchange): AbortSignal {
  const controller = new AbortController();
  exchange.onOver((completed) => {
    if (!completed) controller.abort(callerGone());
  });
  return controller.signal;
}
