/** Writes Connect's protocol-neutral answers to an exchange. */
import type { UniversalServerResponse } from "@connectrpc/connect/protocol";
import type { AnswerHeader, Exchange } from "../exchange/exchange.ts";
import { encodeText, toTextType } from "./grpc-web-text.ts";

/**
 * Writes an answer piece by piece and waits while the client is slower. Rejects when the client is gone or the answer
 * breaks off. (connect-node's own `universalResponseToNodeResponse` waits for an event that Node's responses never
 * emit, and so never ends.)
 */
export async function sendUniversal(
  exchange: Exchange,
  answer: UniversalServerResponse,
  asText: boolean,
): Promise<void> {
  const header = answer.header === undefined ? {} : toAnswerHeader(answer.header);
  const contentType = header["content-type"];
  if (asText && typeof contentType === "string") header["content-type"] = toTextType(contentType);
  // The body of a unary Connect answer is one piece of known length; it is sent together with the headers.
  const inOnePiece = header["content-length"] !== undefined;
  if (!inOnePiece) exchange.writeHead(answer.status, header);
  for await (const chunk of answer.body ?? []) {
    if (inOnePiece) {
      exchange.writeHead(answer.status, header);
      exchange.endAnswer(chunk);
      return;
    }
    await exchange.write(asText ? encodeText(chunk) : chunk);
  }
  if (answer.trailer !== undefined) exchange.addTrailers(toAnswerTrailer(answer.trailer));
  exchange.endAnswer();
}

/** Returns the trailers that Connect made, with the message encoded as gRPC demands. */
export function toAnswerTrailer(made: Headers): AnswerHeader {
  const trailer = toAnswerHeader(made);
  const message = trailer["grpc-message"];
  if (typeof message === "string") trailer["grpc-message"] = encodeGrpcMessage(decodeURIComponent(message));
  return trailer;
}

/**
 * Encodes a message as the gRPC protocol demands: only the percent sign and characters that are not printable ASCII.
 * Connect encodes more, and @grpc/grpc-js, which decodes with `decodeURI`, would show `%3A` for a colon.
 */
function encodeGrpcMessage(text: string): string {
  return text.replace(/[^\x20-\x24\x26-\x7e]+/g, encodeURIComponent);
}

function toAnswerHeader(header: Headers): AnswerHeader {
  const record: AnswerHeader = {};
  header.forEach((value, name) => {
    record[name] = value;
  });
  return record;
}
