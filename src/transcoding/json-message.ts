/** Reads a message from the bytes of a JSON body; whatever is wrong is one sentence that names the member. */
import { type DescMessage, fromJson, type JsonValue, type MessageShape } from "@bufbuild/protobuf";
import type { ConnectError } from "@connectrpc/connect";
import { badRequest, quote } from "./bad-request.ts";
import { hideUnderscores, showUnderscores } from "./field-mask.ts";
import { messageCheck } from "./json-check.ts";
import { describeProblem, type JsonWalk } from "./json-problem.ts";
import { findDuplicateName, findJsonBreak, scanJson, tooDeep } from "./json-scan.ts";
import type { RestPolicy } from "./policy.ts";
import { tooManyValues } from "./rest-error.ts";

export type JsonReadPolicy = Pick<RestPolicy, "unknownFields" | "registry"> & Partial<Pick<RestPolicy, "redactValues">>;

/** Arrays and objects within one another. No message of ours is a tenth as deep. */
export const JSON_DEPTH_MAX = 64;

/** An Any counts twice in the depth of protobuf-es. Never reached: JSON_DEPTH_MAX comes first. */
const RECURSION_LIMIT = 4 * JSON_DEPTH_MAX;

const utf8 = new TextDecoder("utf-8", { fatal: true });

export interface JsonText {
  readonly json: JsonValue;
  readonly text: string;
  readonly members: number;
}

/** The text of a document that is shallow and short enough to be parsed. */
export type ScannedJson = Pick<JsonText, "text" | "members">;

/** Checks UTF-8, depth, the number of values (members, items and single values; absent: any number) and syntax. */
export function parseJson(bytes: Uint8Array, valuesMax?: number): JsonText {
  return parseScanned(scanBytes(bytes, valuesMax));
}

/** The first half of `parseJson`: throws for what is not UTF-8, nests too deep or has too many values. */
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

/** The second half. The words are ours: those of the parser would show pieces of the body. */
export function parseScanned(scanned: ScannedJson): JsonText {
  try {
    return { ...scanned, json: JSON.parse(scanned.text) as JsonValue };
  } catch {
    throw malformedJson(scanned.text);
  }
}

/** To find the place takes longer than to read the document: of longer ones only the fault is told. */
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
 * Checks the value along the descriptor, then converts it. A member that is given twice is refused: readers differ in which
 * of the two they believe, and protobuf-es (so stock Connect, too) refuses it. Field masks in it have their underscores hidden from then on.
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
    // The walk knows all that fromJson refuses but the values of extensions and map keys that differ only in form.
    const error = badRequest("", `the request body does not fit ${desc.typeName}`);
    error.cause = cause;
    throw error;
  }
}

/** Throws what is wrong with the value, in our words and by its member; who reads it next need not look as closely. */
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
