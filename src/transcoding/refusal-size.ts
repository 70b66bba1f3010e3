/** Keeps refusals within 8 KiB on every wire, wherever they were made and whatever the request brought into them. */
import { create, type Message, toBinary, toJson } from "@bufbuild/protobuf";
import { ConnectError } from "@connectrpc/connect";
import { BadRequestSchema, ErrorInfoSchema, RetryInfoSchema } from "../../gen/google/rpc/error_details_pb.ts";

type Detail = ConnectError["details"][number];
/** A detail that was made here: its type is known. */
type OutgoingDetail = Exclude<Detail, { readonly type: string }>;

/** What remains of 8 KiB after the other headers, which never come from the request. */
const REFUSAL_BYTES_MAX = 7 * 1024;

/** The length to which a text is cut if it is too long. */
const TEXT_CHARS_MAX = 500;

/**
 * Shortens an error in place until it fits: first texts are cut at 500 characters, then all details except ErrorInfo
 * and RetryInfo are removed, then the metadata of ErrorInfo.
 */
export function fitRefusal(error: ConnectError): void {
  if (fits(error)) return;
  const { rawMessage, message } = new ConnectError(cut(error.rawMessage), error.code);
  Object.assign(error, { rawMessage, message });
  error.details = error.details.map(cutViolations);
  if (fits(error)) return;
  error.details = error.details.filter((detail) => KEPT.has(typeOf(detail)));
  if (fits(error)) return;
  error.details = error.details.map(withoutMetadata);
}

const KEPT: ReadonlySet<string> = new Set([ErrorInfoSchema.typeName, RetryInfoSchema.typeName]);

/**
 * Returns whether the error fits in its longest forms: percent-encoded and base64 in trailers, base64 and JSON in a
 * Connect body.
 */
function fits({ rawMessage, details }: ConnectError): boolean {
  let binaryBytes = 0;
  for (const detail of details) binaryBytes += bytesOf(detail);
  // A character has at most three bytes, and each of them takes three in a trailer. Almost all errors are far below the
  // limit.
  if (rawMessage.length * 13 + binaryBytes * 4 <= REFUSAL_BYTES_MAX) return true;
  const messageBytes = Buffer.byteLength(rawMessage);
  const inTrailers = encodeURIComponent(rawMessage.toWellFormed()).length + base64Bytes(messageBytes + binaryBytes);
  let inBody = Buffer.byteLength(JSON.stringify(rawMessage)) + base64Bytes(binaryBytes);
  for (const detail of details) if ("desc" in detail) inBody += jsonBytesOf(detail);
  return Math.max(inTrailers, inBody) <= REFUSAL_BYTES_MAX;
}

/** Returns the size of a detail with the name of its type. */
function bytesOf(detail: Detail): number {
  const body = "desc" in detail ? toBinary(detail.desc, messageOf(detail)) : detail.value;
  return body.byteLength + typeOf(detail).length + 32;
}

function jsonBytesOf(detail: OutgoingDetail): number {
  try {
    return Buffer.byteLength(JSON.stringify(toJson(detail.desc, messageOf(detail))));
  } catch {
    // Connect adds no JSON to the bytes of a detail that has no JSON form.
    return 0;
  }
}

function messageOf({ desc, value }: OutgoingDetail): Message {
  return create(desc, value);
}

function typeOf(detail: Detail): string {
  return "desc" in detail ? detail.desc.typeName : detail.type;
}

function base64Bytes(bytes: number): number {
  return Math.ceil((bytes * 4) / 3);
}

function cut(text: string): string {
  if (text.length <= TEXT_CHARS_MAX) return text;
  return `${text.slice(0, TEXT_CHARS_MAX).toWellFormed()}… (${text.length} characters)`;
}

function cutViolations(detail: Detail): Detail {
  if (!("desc" in detail) || detail.desc.typeName !== BadRequestSchema.typeName) return detail;
  const { fieldViolations } = create(BadRequestSchema, detail.value);
  const value = {
    fieldViolations: fieldViolations.map((each) => ({
      ...each,
      field: cut(each.field),
      description: cut(each.description),
    })),
  };
  return { desc: BadRequestSchema, value };
}

function withoutMetadata(detail: Detail): Detail {
  if (!("desc" in detail) || detail.desc.typeName !== ErrorInfoSchema.typeName) return detail;
  const { reason, domain } = create(ErrorInfoSchema, detail.value);
  return { desc: ErrorInfoSchema, value: { reason, domain } };
}
