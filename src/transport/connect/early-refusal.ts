/** Refusals before a call starts: answered from the headers alone, without Connect, so that floods stay cheap. */
import type { JsonWriteOptions } from "@bufbuild/protobuf";
import type { ConnectError } from "@connectrpc/connect";
import type { Exchange } from "../exchange/exchange.ts";
import { answerError, type ErrorForm } from "../unary/unary-answer.ts";
import { isGrpcWebText } from "./grpc-web-text.ts";

/** The media types of plain calls. connect-es checks all others before `admit` runs. */
const PLAIN_TYPE = /^application\/(?:grpc(?:-web(?:-text)?)?(?:\+(?:proto|json))?|proto|json)$/;

/** The options that Connect needs to write details; `registry` undefined: there are none. */
export interface JsonOptions {
  readonly registry: JsonWriteOptions["registry"] | undefined;
}

/** Returns whether a request has the usual form; all others go to Connect first. */
export function isPlain(exchange: Exchange, contentType: string): boolean {
  if (exchange.method !== "POST" || !PLAIN_TYPE.test(contentType)) return false;
  return exchange.isHttp2 || !/^application\/grpc(?!-web)/.test(contentType);
}

/** Answers a plain call of a unary method with an error, in the protocol of its media type. Rejects if it cannot. */
export function answerRefusal(
  exchange: Exchange,
  contentType: string,
  { error, jsonOptions }: { readonly error: ConnectError; readonly jsonOptions: JsonOptions },
): Promise<void> {
  return answerError(exchange, errorFormOf(contentType), { error, registry: jsonOptions.registry });
}

function errorFormOf(contentType: string): ErrorForm {
  if (!contentType.startsWith("application/grpc")) return { protocol: "connect", answerType: "application/json" };
  // Connect names the format of the messages even if there are none.
  const answerType = contentType.includes("+") ? contentType : `${contentType}+proto`;
  const protocol = contentType.startsWith("application/grpc-web") ? "grpc-web" : "grpc";
  return { protocol, answerType, isText: isGrpcWebText(contentType) };
}
