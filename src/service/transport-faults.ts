/** Errors that no handler made (what cannot be decoded, found or awaited) get a reason like all others. */
import { create, type DescMessage, type DescMethod } from "@bufbuild/protobuf";
import { FieldMaskSchema } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError } from "@connectrpc/connect";
import { BadRequestSchema, ErrorInfoSchema } from "../../gen/google/rpc/error_details_pb.ts";
import { type Refusal, refuse, refuseFields } from "../domain/refusal.ts";
import { toConnectError } from "./errors.ts";

/** What callers are told of a failure of ours, and of nothing else. */
const INTERNAL_TEXT = "internal error";

/** Where an error was made. The method is absent where none answers to the path. */
interface FaultPlace {
  readonly method: DescMethod | undefined;
  readonly callId: string;
  /** The caller knows fields by their JSON names. */
  readonly isJson?: boolean;
}

/** Adds the details in place: the error is on its way to its encoder already. */
export function describeFault(error: ConnectError, place: FaultPlace): void {
  if (error.findDetails(ErrorInfoSchema).length === 0) {
    const refusal = refusalOf(error, place);
    if (refusal !== undefined) error.details = toConnectError(refusal).details;
  }
  if (place.isJson === true && place.method !== undefined) nameFieldsAsJson(error, place.method.input);
}

/** Fields by their JSON names, in the violations and in the sentences. */
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

/** What came from outside stands in quotation marks and stays as it is; a word outside of them may be a field's name. */
const WORDS = /"(?:[^"\\]|\\.)*"|\b[a-z][\w.]*_[\w.]*/g;

/** A sentence about the field, with the names that JSON has. In the JSON of a mask the names that were received have that form, too. */
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

/** JSON names by proto names of all fields that a request may hold. */
function jsonNamesOf(input: DescMessage): ReadonlyMap<string, string> {
  const known = jsonNames.get(input);
  if (known !== undefined) return known;
  const names = new Map<string, string>();
  const messages = new Set([input]);
  // A set goes on to what is added meanwhile.
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
  switch (error.code) {
    case Code.InvalidArgument: {
      const named = error.findDetails(BadRequestSchema).flatMap((detail) => detail.fieldViolations);
      const fields = named
        .filter(({ field }) => field !== "")
        .map(({ field, description }) => ({ field: renamed(method?.input, field, "name"), description }));
      return fields.length > 0 ? refuseFields(fields) : malformed(message);
    }
    case Code.ResourceExhausted:
      return refuse("REQUEST_TOO_LARGE", message);
    case Code.NotFound:
      return refuse("PATH_NOT_FOUND", message);
    case Code.Unimplemented:
      return refuse("METHOD_NOT_SERVED", message);
    case Code.DeadlineExceeded:
      return refuse("CALL_TIMED_OUT", message);
    case Code.Unavailable:
      return refuse("SERVICE_STOPPING", message);
    case Code.Internal:
    case Code.Unknown:
      // gRPC says INTERNAL of some requests that cannot be decoded, too.
      if (message !== INTERNAL_TEXT) return malformed(message);
      return refuse("UNFORESEEN", message, { metadata: { callId } });
    default:
      return undefined;
  }
}

function malformed(message: string): Refusal {
  return refuse("REQUEST_MALFORMED", message);
}

/** `users[3].userId` as `users[3].user_id`, or the other way round. Members that are no fields stay as they were sent. */
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
