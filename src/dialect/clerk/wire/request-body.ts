/** The JSON object in the body of a request; an empty body is an empty object. */
import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import type { HttpCall } from "../../../transport/mount.ts";
import { bodyInvalid, bodyTooLarge, bodyTooManyValues, clerkError, contentTypeUnsupported } from "./clerk-error.ts";
import { isObject } from "./form.ts";

/** Throws 400, 408, 413 and 415 in Clerk's words, and the transport's own error when the caller went away. */
export async function readJsonBody(call: Pick<HttpCall, "header" | "readBody" | "parseJson">): Promise<JsonObject> {
  const bytes = await readBytes(call);
  if (bytes.byteLength === 0) return {};
  const contentType = call.header.get("content-type");
  if (contentType !== null && !/^application\/json\s*(?:;|$)/i.test(contentType)) {
    throw contentTypeUnsupported(contentType.slice(0, 100));
  }
  const json = await parse(call, bytes);
  if (!isObject(json) || !hasFiniteNumbers(json)) throw bodyInvalid();
  return json;
}

async function readBytes(call: Pick<HttpCall, "readBody">): Promise<Uint8Array> {
  try {
    return await call.readBody();
  } catch (error) {
    if (!(error instanceof ConnectError)) throw error;
    // The message contains the limit, which only the transport knows.
    if (error.code === Code.ResourceExhausted) throw bodyTooLarge(/\d+/.exec(error.rawMessage)?.[0] ?? "0");
    if (error.code === Code.DeadlineExceeded) {
      throw clerkError(408, "request_body_invalid", "Request body invalid", "The request body did not arrive in time.");
    }
    throw error;
  }
}

async function parse(call: Pick<HttpCall, "parseJson">, bytes: Uint8Array): Promise<JsonValue> {
  try {
    return await call.parseJson(bytes);
  } catch (error) {
    if (!(error instanceof ConnectError)) throw error;
    // This message contains the limit too.
    if (error.code === Code.ResourceExhausted) throw bodyTooManyValues(/\d+/.exec(error.rawMessage)?.[0] ?? "0");
    throw bodyInvalid();
  }
}

/** Returns whether every number is finite: `1e999` is read as Infinity, which JSON cannot express. */
function hasFiniteNumbers(json: JsonValue): boolean {
  if (typeof json === "number") return Number.isFinite(json);
  return typeof json !== "object" || json === null || Object.values(json).every(hasFiniteNumbers);
}
