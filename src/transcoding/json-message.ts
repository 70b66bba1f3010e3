/** Reads a message from the bytes of a JSON body; each fault is one sentence that names the member. */
import { type DescMessage, fromJson, type JsonValue, type MessageShape } from "@bufbuild/protobuf";
import type { ConnectError } from "@connectrpc/connect";
import { badRequest, quote } from "./bad-request.ts";
import { hideUnderscores, showUnderscores } from "./field-mask.ts";
import { messageCheck } from "./json-check.ts";
import { describeProblem, type JsonWalk } from "./json-problem.ts";
import { findDuplicateName, findJsonBreak, scanJson, tooDeep } from "./json-scan.ts";
import type { RestPolicy } from "./policy.ts";
import { tooManyValues } from "./rest-error.ts";

/** The part of a policy that decides how JSON is read. */
export type JsonReadPolicy = Pick<RestPolicy, "unknownFields" | "registry"> & Partial<Pick<RestPolicy, "redactValues">>;

/** The deepest nesting of arrays and objects. No message of ours has a tenth of it. */
export const JSON_DEPTH_MAX = 64;

/** protobuf-es counts an Any twice. This limit is never reached: JSON_DEPTH_MAX comes first. */
const RECURSION_LIMIT = 4 * JSON_DEPTH_MAX;

const utf8 = new TextDecoder("utf-8", { fatal: true });

export interface JsonText {
  readonly json: JsonValue;
  readonly text: string;
  readonly members: number;
}

/** The text of a document within the limits of depth and values. */
export type ScannedJson = Pick<JsonText, "text" | "members">;

/**
 * Parses a document. Throws for faults of UTF-8, depth, number of values (members, items and single values; absent: no
 * limit) and syntax.
 */
export function parseJson(bytes: Uint8Array, valuesMax?: number): JsonText {
  return parseScanned(scanBytes(bytes, valuesMax));
}

/** Does the first half of `parseJson`: throws for bytes that are not UTF-8, nest too deep or have too many values. */
export function scanBytes(bytes: Uint8Array, valuesMax = Number.POSITIVE_INFINITY): ScannedJson {
  let text: string;
  try {
    text = utf8.decode(bytes);
  } catch {
    throw badRequest("", "the request body is not valid UTF-8");
  }
  const { depth, members, values } = scanJson(text, JSON_DEPTH_MAX, valuesMax);
  if (depth > JSON_DEPTH_MAX) throw tooDeep(JSON_DEPTH_MAX);
  if (values > valuesMax) throw tooManyValues(valuesMax);
  return { text, members };
}

/** Does the second half. The error has words of our own: those of the parser would reveal parts of the body. */
export function parseScanned(scanned: ScannedJson): JsonText {
  try {
    return { ...scanned, json: JSON.parse(scanned.text) as JsonValue };
  } catch {
    throw malformedJson(scanned.text);
  }
}

/** The longest document whose fault is located: locating it takes longer than parsing. */
const PLACE_CHARS_MAX = 64 * 1024;

function malformedJson(text: string): ConnectError {
  if (text.length > PLACE_CHARS_MAX) return badRequest("", "the request body is not valid JSON");
  const at = findJsonBreak(text);
  if (at >= text.length) {
    const empty = text.trim() === "";
    return badRequest(
      "",
      empty ? "the request body is empty, not JSON" : "the request body is JSON that ends too early",
    );
  }
  const before = text.slice(0, at);
  const line = before.split("\n").length;
  const column = at - before.lastIndexOf("\n");
  return badRequest("", `the request body is not valid JSON: unexpected character at line ${line}, column ${column}`);
}

/**
 * Checks the value along the descriptor, then converts it. Throws for a member that is given twice: readers differ in
 * which of the two they use, and protobuf-es (and with it stock Connect) refuses it, too. In `parsed`, the underscores
 * of field masks are hidden from then on.
 */
export function toMessage<Desc extends DescMessage>(
  desc: Desc,
  parsed: JsonText,
  policy: JsonReadPolicy,
): MessageShape<Desc> {
  checkJson(desc, parsed, policy);
  const ignoreUnknownFields = policy.unknownFields === "ignore";
  hideUnderscores(desc, parsed.json);
  try {
    const message = fromJson(desc, parsed.json, {
      ignoreUnknownFields,
      registry: policy.registry,
      recursionLimit: RECURSION_LIMIT,
    });
    showUnderscores(desc, message);
    return message;
  } catch (cause) {
    // The check finds all that fromJson refuses except values of extensions, and map keys that differ only in form.
    const error = badRequest("", `the request body does not fit ${desc.typeName}`);
    error.cause = cause;
    throw error;
  }
}

/** Throws for the first fault of the value and names its member; the next reader need not check as closely. */
export function checkJson(desc: DescMessage, parsed: JsonText, policy: JsonReadPolicy): void {
  const walk: JsonWalk = { unknownFields: policy.unknownFields, registry: policy.registry, members: 0 };
  const found = messageCheck(desc)(parsed.json, walk);
  if (found !== undefined) {
    const { field, sentence } = describeProblem(found, policy.redactValues);
    throw badRequest(field, sentence);
  }
  if (walk.members !== parsed.members) {
    const name = findDuplicateName(parsed.text) ?? "";
    throw badRequest(name, `${quote(name)} is given twice in one JSON object`);
  }
}
