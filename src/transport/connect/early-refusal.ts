/** Refusals before a call starts: answered from the headers alone, without Connect, so that floods stay cheap. */
import type { JsonWriteOptions } from "@bufbuild/protobuf";
import type { ConnectError } from "@connectrpc/connect";
import { codeToHttpStatus, errorToJsonBytes } from "@connectrpc/connect/protocol-connect";
import { setTrailerStatus, trailerFlag, trailerSerialize } from "@connectrpc/connect/protocol-grpc-web";
import type { Exchange } from "../exchange/exchange.ts";
import { encodeText, isGrpcWebText } from "./grpc-web-text.ts";
import { toAnswerTrailer } from "./universal.ts";

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

/** Answers a plain call of a unary method with an error, in the protocol of its media type. */
export function answerRefusal(
  exchange: Exchange,
  contentType: string,
  { error, jsonOptions }: { readonly error: ConnectError; readonly jsonOptions: JsonOptions },
): void {
  if (!contentType.startsWith("application/grpc")) {
    const body = errorToJsonBytes(
      error,
      jsonOptions.registry === undefined ? undefined : { registry: jsonOptions.registry },
    );
    exchange.answer(codeToHttpStatus(error.code), { "content-type": "application/json" }, body);
    return;
  }
  // Connect names the format of the messages even if there are none.
  const answerType = contentType.includes("+") ? contentType : `${contentType}+proto`;
  const trailer = new Headers();
  setTrailerStatus(trailer, error);
  if (!contentType.startsWith("application/grpc-web")) {
    // Sent as trailers like any answer: Node cannot end the stream with headers that carry the status.
    exchange.writeHead(200, { "content-type": answerType });
    exchange.addTrailers(toAnswerTrailer(trailer));
    exchange.endAnswer();
    return;
  }
  const fields = trailerSerialize(trailer);
  const frame = Buffer.alloc(5 + fields.byteLength);
  frame.writeUInt8(trailerFlag, 0);
  frame.writeUInt32BE(fields.byteLength, 1);
  frame.set(fields, 5);
  const body = isGrpcWebText(contentType) ? encodeText(frame) : frame;
  exchange.answer(200, { "content-type": answerType }, body);
}
