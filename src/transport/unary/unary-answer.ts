/** The answers to unary calls, byte for byte as connect-es writes them. */
import type { JsonWriteOptions } from "@bufbuild/protobuf";
import type { ConnectError } from "@connectrpc/connect";
import type { Compression } from "@connectrpc/connect/protocol";
import { codeToHttpStatus, errorToJsonBytes } from "@connectrpc/connect/protocol-connect";
import { setTrailerStatus, trailerFlag, trailerSerialize } from "@connectrpc/connect/protocol-grpc-web";
import { encodeText } from "../connect/grpc-web-text.ts";
import { toAnswerTrailer } from "../connect/universal.ts";
import type { AnswerHeader, Exchange } from "../exchange/exchange.ts";
import { addHandledHeader, addHandledTrailer, type HandledHeader } from "../exchange/handled-header.ts";
import { findAnswerCompression, type UnaryForm } from "./unary-form.ts";

/** Shorter answers are not compressed: connect-es' default. */
const COMPRESS_BYTES_MIN = 1024;
const COMPRESSED = 1;
/** The bytes before a message of gRPC and gRPC-Web: flags and length. */
export const PREFIX_BYTES = 5;
const OK_TRAILER: AnswerHeader = { "grpc-status": "0" };
const OK_TRAILER_FRAME = envelope(trailerFlag, Buffer.from("grpc-status: 0\r\n"));

/**
 * Sends the message of a call that succeeded; returns a promise only if there may be something to compress. `encoded`: its
 * bytes, in gRPC and gRPC-Web behind room for their prefix; JSON is text.
 */
export function answerMessage(
  exchange: Exchange,
  form: UnaryForm,
  call: HandledHeader,
  encoded: Buffer | string,
): Promise<void> | undefined {
  const isPlain = form.protocol === "grpc" && exchange.headerValue(form.acceptHeader) === undefined;
  if (typeof encoded === "string" || !isPlain || call.responseTrailerIfAny !== undefined) {
    return answerAny(exchange, form, call, encoded);
  }
  encoded.writeUInt32BE(encoded.byteLength - PREFIX_BYTES, 1);
  exchange.writeHead(200, headerOf(form, undefined, call));
  exchange.addTrailers(OK_TRAILER);
  exchange.endAnswer(encoded);
  return undefined;
}

/** Sends a message in any form. Rejects if it cannot be compressed. */
async function answerAny(
  exchange: Exchange,
  form: UnaryForm,
  call: HandledHeader,
  encoded: Buffer | string,
): Promise<void> {
  const compression = findAnswerCompression(exchange, form);
  const header = headerOf(form, compression, call);
  if (typeof encoded === "string" || form.protocol === "connect") {
    addHandledTrailer(header, call);
    const isCompressed = compression !== undefined && Buffer.byteLength(encoded) >= COMPRESS_BYTES_MIN;
    if (isCompressed) header["content-encoding"] = compression.name;
    exchange.answer(200, header, isCompressed ? await compress(compression, Buffer.from(encoded)) : encoded);
    return;
  }
  const messageBytes = encoded.byteLength - PREFIX_BYTES;
  const isCompressed = compression !== undefined && messageBytes >= COMPRESS_BYTES_MIN;
  const zipped = isCompressed ? await compress(compression, encoded.subarray(PREFIX_BYTES)) : undefined;
  if (zipped === undefined) encoded.writeUInt32BE(messageBytes, 1);
  const frame = zipped === undefined ? encoded : envelope(COMPRESSED, zipped);
  const trailer = call.responseTrailerIfAny;
  if (form.protocol === "grpc-web") {
    const last = trailer === undefined ? OK_TRAILER_FRAME : await trailerFrame(withOk(trailer), compression);
    exchange.answer(200, header, Buffer.concat([frame, last]));
    return;
  }
  exchange.writeHead(200, header);
  exchange.addTrailers(trailer === undefined ? OK_TRAILER : toAnswerTrailer(withOk(trailer)));
  exchange.endAnswer(frame);
}

/** How an error is sent. */
export interface ErrorForm extends Pick<UnaryForm, "protocol" | "answerType"> {
  /** Whether the body is gRPC-Web in base64. */
  readonly isText?: boolean;
}

/** An error with what its answer needs. */
export interface SentError {
  readonly error: ConnectError;
  /** The types that error details may have; absent: details have no JSON form. */
  readonly registry: JsonWriteOptions["registry"] | undefined;
  /** Absent: no handler was called. */
  readonly call?: HandledHeader;
  /** Absent: the answer is not compressed. */
  readonly compression?: Compression | undefined;
}

const NOTHING: HandledHeader = { responseHeaderIfAny: undefined, responseTrailerIfAny: undefined };

/** Sends an error as its protocol demands. Without compression it is sent before this returns. */
export async function answerError(exchange: Exchange, form: ErrorForm, sent: SentError): Promise<void> {
  const { error, registry, call = NOTHING, compression } = sent;
  if (form.protocol === "connect") {
    const body = errorToJsonBytes(error, registry === undefined ? undefined : { registry });
    const header = headerOf(form, undefined, call);
    error.metadata.forEach((value, name) => {
      header[name] = value;
    });
    header["content-type"] = "application/json";
    const isCompressed = compression !== undefined && body.byteLength >= COMPRESS_BYTES_MIN;
    const data = isCompressed ? await compress(compression, body) : body;
    if (isCompressed) header["content-encoding"] = compression.name;
    addHandledTrailer(header, call);
    exchange.answer(codeToHttpStatus(error.code), header, data);
    return;
  }
  const trailer = withOk(call.responseTrailerIfAny);
  setTrailerStatus(trailer, error);
  const header = headerOf(form, compression, call);
  if (form.protocol === "grpc-web") {
    const making = trailerFrame(trailer, compression);
    const frame = making instanceof Promise ? await making : making;
    exchange.answer(200, header, form.isText ? encodeText(frame) : frame);
    return;
  }
  // Sent as trailers like any answer: Node cannot end the stream with headers that carry the status.
  exchange.writeHead(200, header);
  exchange.addTrailers(toAnswerTrailer(trailer));
  exchange.endAnswer();
}

/** gRPC names the compression that it may use, also where it does not. */
function headerOf(
  { protocol, answerType }: ErrorForm,
  compression: Compression | undefined,
  call: HandledHeader,
): AnswerHeader {
  const header: AnswerHeader = { "content-type": answerType };
  if (protocol !== "connect" && compression !== undefined) header["grpc-encoding"] = compression.name;
  addHandledHeader(header, call);
  return header;
}

function withOk(trailer: Headers | undefined): Headers {
  const all = new Headers(OK_TRAILER as Record<string, string>);
  trailer?.forEach((value, name) => {
    all.set(name, value);
  });
  return all;
}

/** Returns a promise only if it compresses the trailer. */
function trailerFrame(trailer: Headers, compression: Compression | undefined): Buffer | Promise<Buffer> {
  const fields = trailerSerialize(trailer);
  if (compression === undefined || fields.byteLength < COMPRESS_BYTES_MIN) return envelope(trailerFlag, fields);
  return compress(compression, fields).then((zipped) => envelope(trailerFlag | COMPRESSED, zipped));
}

function compress(compression: Compression, bytes: Uint8Array): Promise<Uint8Array> {
  return compression.compress(bytes as Uint8Array<ArrayBuffer>);
}

function envelope(flags: number, data: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(PREFIX_BYTES + data.byteLength);
  frame.writeUInt8(flags, 0);
  frame.writeUInt32BE(data.byteLength, 1);
  frame.set(data, PREFIX_BYTES);
  return frame;
}
