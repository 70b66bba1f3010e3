/** Errors that no handler made (what cannot be decoded, found or awaited) get a reason like all others. */
import { create, type DescMessage, type DescMethod } from "@bufbuild/protobuf";
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

/** Fields by their JSON names, in the violations and where the sentence begins with one. */
function nameFieldsAsJson(error: ConnectError, input: DescMessage): void {
  const [found] = error.findDetails(BadRequestSchema);
  if (found === undefined) return;
  const fieldViolations = found.fieldViolations.map(({ field, description }) => ({
    field: renamed(input, field, "jsonName"),
    description,
  }));
  const value = create(BadRequestSchema, { fieldViolations });
  error.details = error.details.map((detail) =>
    ("desc" in detail ? detail.desc.typeName : detail.type) === BadRequestSchema.typeName
      ? { desc: BadRequestSchema, value }
      : detail,
  );
  const [first] = found.fieldViolations;
  const prefix = `${first?.field}: `;
  if (first === undefined || !error.rawMessage.startsWith(prefix)) return;
  const sentence = `${fieldViolations[0]?.field}: ${error.rawMessage.slice(prefix.length)}`;
  const { rawMessage, message } = new ConnectError(sentence, error.code);
  Object.assign(error, { rawMessage, message });
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
