/** Gives errors of the transport (undecodable, not found, timed out) a reason, like all other errors. */
import { create, type DescMessage, type DescMethod } from "@bufbuild/protobuf";
import { FieldMaskSchema } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError } from "@connectrpc/connect";
import { BadRequestSchema, ErrorInfoSchema } from "../../gen/google/rpc/error_details_pb.ts";
import { type Refusal, refuse, refuseFields } from "../domain/refusal.ts";
import { toConnectError } from "./errors.ts";
import { serviceStopping } from "./stopping.ts";

/** The text of the service's own failures, and of nothing else. */
const INTERNAL_TEXT = "internal error";

/** Where an error occurred. The method is absent if no method has the path. */
interface FaultPlace {
  readonly method: DescMethod | undefined;
  readonly callId: string;
  /** The caller uses JSON, so fields have their JSON names. */
  readonly isJson?: boolean;
}

/** Adds the details to the error itself, because the error is already on its way to the encoder. */
export function describeFault(error: ConnectError, place: FaultPlace): void {
  if (error.findDetails(ErrorInfoSchema).length === 0) {
    const refusal = refusalOf(error, place);
    if (refusal !== undefined) error.details = toConnectError(refusal).details;
  }
  if (place.isJson === true && place.method !== undefined) nameFieldsAsJson(error, place.method.input);
}

/** Replaces the names of fields by their JSON names, in the violations and in the sentences. */
function nameFieldsAsJson(error: ConnectError, input: DescMessage): void {
  const [found] = error.findDetails(BadRequestSchema);
  if (found !== undefined) {
    const fieldViolations = found.fieldViolations.map(({ field, description }) => ({
      field: renamed(input, field, "jsonName"),
      description: inJsonNames(input, description, field),
    }));
    const value = create(BadRequestSchema, { fieldViolations });
    error.details = error.details.map((detail) =>
      ("desc" in detail ? detail.desc.typeName : detail.type) === BadRequestSchema.typeName
        ? { desc: BadRequestSchema, value }
        : detail,
    );
  }
  const sentence = inJsonNames(input, error.rawMessage, found?.fieldViolations[0]?.field);
  if (sentence === error.rawMessage) return;
  const { rawMessage, message } = new ConnectError(sentence, error.code);
  Object.assign(error, { rawMessage, message });
}

/**
 * Values from outside stand in quotation marks and stay unchanged; a word outside of quotation marks may be a field
 * name.
 */
const WORDS = /"(?:[^"\\]|\\.)*"|\b[a-z][\w.]*_[\w.]*/g;

/** Returns a sentence with JSON names. In the JSON of a mask, received names have that form too. */
function inJsonNames(input: DescMessage, sentence: string, about: string | undefined): string {
  const isMask = input.fields.some(
    ({ name, message }) => name === about && message?.typeName === FieldMaskSchema.typeName,
  );
  const names = jsonNamesOf(input);
  return sentence.replace(WORDS, (word) => {
    if (word.startsWith('"')) {
      return isMask ? word.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase()) : word;
    }
    return word.replace(/\w+/g, (name) => names.get(name) ?? name);
  });
}

const jsonNames = new WeakMap<DescMessage, ReadonlyMap<string, string>>();

/** Returns the JSON names of all fields of a request, by their proto names. */
function jsonNamesOf(input: DescMessage): ReadonlyMap<string, string> {
  const known = jsonNames.get(input);
  if (known !== undefined) return known;
  const names = new Map<string, string>();
  const messages = new Set([input]);
  // The loop over a set also visits members added during the loop.
  for (const { fields } of messages) {
    for (const { name, jsonName, message } of fields) {
      names.set(name, jsonName);
      if (message !== undefined) messages.add(message);
    }
  }
  jsonNames.set(input, names);
  return names;
}

function refusalOf(error: ConnectError, { method, callId }: FaultPlace): Refusal | undefined {
  const message = error.rawMessage;
  const retryAfter = error.metadata.get("retry-after");
  switch (error.code) {
    case Code.InvalidArgument: {
      const named = error.findDetails(BadRequestSchema).flatMap((detail) => detail.fieldViolations);
      const fields = named
        .filter(({ field }) => field !== "")
        .map(({ field, description }) => ({ field: renamed(method?.input, field, "name"), description }));
      return fields.length > 0 ? refuseFields(fields) : malformed(message);
    }
    case Code.ResourceExhausted:
      return retryAfter === null
        ? refuse("REQUEST_TOO_LARGE", message)
        : refuse("SERVICE_BUSY", message, {
            metadata: { outcome: "NOT_APPLIED" },
            retryAfterMs: Number(retryAfter) * 1000,
          });
    case Code.NotFound:
      return refuse("PATH_NOT_FOUND", message);
    case Code.Unimplemented:
      return refuse("METHOD_NOT_SERVED", message);
    case Code.DeadlineExceeded:
      return refuse("CALL_TIMED_OUT", message);
    case Code.Unavailable:
      return serviceStopping(message);
    case Code.Internal:
    case Code.Unknown:
      // gRPC also uses INTERNAL for some requests that cannot be decoded.
      if (message !== INTERNAL_TEXT) return malformed(message);
      return refuse("UNFORESEEN", message, { metadata: { callId } });
    default:
      return undefined;
  }
}

function malformed(message: string): Refusal {
  return refuse("REQUEST_MALFORMED", message);
}

/**
 * Returns `users[3].userId` as `users[3].user_id`, or the other way round. Names that are not fields stay as they were
 * sent.
 */
function renamed(desc: DescMessage | undefined, path: string, wanted: "name" | "jsonName"): string {
  const names: string[] = [];
  let at = desc;
  for (const segment of path.split(".")) {
    const [, name = segment, index = ""] = /^([^[]*)(\[.*)$/.exec(segment) ?? [];
    const field = at?.fields.find((each) => each.jsonName === name) ?? at?.fields.find((each) => each.name === name);
    names.push(`${field?.[wanted] ?? name}${index}`);
    at =
      field?.fieldKind === "message" || (field?.fieldKind === "list" && field.listKind === "message")
        ? field.message
        : undefined;
  }
  return names.join(".");
}
