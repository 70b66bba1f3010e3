/** Builds the refusal of a request: one plain sentence, and a google.rpc.BadRequest detail that names the field. */
import type { DescField } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { BadRequestSchema } from "../../gen/google/rpc/error_details_pb.ts";

/** The longest value that is shown: enough to recognise it, too little to fill a log. */
const PRINTED_CHARACTERS_MAX = 100;

/** Control, format and bidirectional characters that JSON.stringify leaves as they are. */
const UNPRINTABLE = /[\u007f-\u009f\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g;

/** Returns the refusal. `field`: as in JSON (`profile.email`, `items[3].id`); empty if the whole body is at fault. */
export function badRequest(field: string, sentence: string): ConnectError {
  const detail = { desc: BadRequestSchema, value: { fieldViolations: [{ field, description: sentence }] } };
  return new ConnectError(sentence, Code.InvalidArgument, undefined, [detail]);
}

/** Returns text quoted, escaped, and cut at 100 characters. */
export function quote(text: string): string {
  const cut = text.length > PRINTED_CHARACTERS_MAX;
  // The cut may split a surrogate pair; JSON.stringify escapes the remaining half.
  const quoted = JSON.stringify(cut ? text.slice(0, PRINTED_CHARACTERS_MAX) : text).replace(
    UNPRINTABLE,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
  return cut ? `${quoted}… (${text.length} characters)` : quoted;
}

/**
 * Describes a refused value in a sentence. The content of objects and arrays is not shown: they may hold redacted
 * fields.
 */
export function formatReceived(value: unknown, redacted: boolean): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "an array";
  if (typeof value === "object") return "an object";
  if (redacted) {
    const length = String(value).length;
    return `a value of ${length} character${length === 1 ? "" : "s"}`;
  }
  return typeof value === "string" ? quote(value) : String(value);
}

/** Returns whether values of the field must never be shown. */
export function isRedacted(field: DescField): boolean {
  return field.proto.options?.debugRedact === true;
}
