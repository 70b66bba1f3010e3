/** Server streams over REST: a line or an event per message, as fast as the client reads them. */
import type { Message } from "@bufbuild/protobuf";
import {
  encodeStreamError,
  encodeStreamMessage,
  type StreamFormat,
  streamContentType,
} from "../../transcoding/encode.ts";
import type { RouteMatch } from "../../transcoding/route-table.ts";
import type { LiveCall } from "../call/call.ts";
import type { LogInternal } from "../call/call-record.ts";
import { noteError } from "../call/handler.ts";
import type { Exchange } from "../exchange/exchange.ts";

/**
 * Sends a stream. Throws errors that occur before the first message, so that they are answered with their own status. A
 * later error is the last line; where the format has no room for it, the answer is broken off.
 */
export async function sendStream<A>(
  exchange: Exchange,
  call: LiveCall<A>,
  match: RouteMatch,
  format: StreamFormat,
  messages: AsyncGenerator<Message, void, undefined>,
  logInternal: LogInternal,
): Promise<void> {
  const { route } = match;
  try {
    let result = await messages.next();
    const first = result.done ? undefined : result.value;
    const opening = first === undefined ? undefined : encodeStreamMessage(route, first, format);
    exchange.writeHead(200, {
      ...Object.fromEntries(call.responseHeaderIfAny ?? []),
      "content-type": streamContentType(route, format, first),
      "cache-control": "no-store",
      // nginx, and what behaves like it, would collect messages.
      "x-accel-buffering": "no",
    });
    if (match.headOnly || opening === undefined) {
      exchange.endAnswer();
      return;
    }
    await exchange.write(opening);
    call.sender = (message) => exchange.writeNow(encodeStreamMessage(route, message, format));
    try {
      for (result = await messages.next(); !result.done; result = await messages.next()) {
        await exchange.write(encodeStreamMessage(route, result.value, format));
      }
    } catch (reason) {
      const error = noteError(call, reason, logInternal);
      const line = exchange.over ? undefined : encodeStreamError(error, route.policy, format);
      if (line === undefined || line.byteLength === 0) {
        exchange.destroy();
        return;
      }
      await exchange.write(line);
    }
    exchange.addTrailers(Object.fromEntries(call.responseTrailerIfAny ?? []));
    exchange.endAnswer();
  } finally {
    await messages.return();
  }
}
