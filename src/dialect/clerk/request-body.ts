/** The JSON object in the body of a request; an empty body is an empty object. */
import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import type { HttpCall } from "../../transport/mount.ts";
import { bodyInvalid, bodyTooLarge, clerkError, contentTypeUnsupported } from "./clerk-error.ts";
import { isObject } from "./form.ts";

/** Deeper nesting is of no use, and would exhaust the stack of whoever walks through it. */
const DEPTH_MAX = 64;

const utf8 = new TextDecoder("utf-8", { fatal: true });

/** Throws 400, 408, 413 and 415 in Clerk's words, and the transport's own error when the caller went away. */
export async function readJsonBody(call: Pick<HttpCall, "header" | "readBody">): Promise<JsonObject> {
  const bytes = await readBytes(call);
  if (bytes.byteLength === 0) return {};
  const contentType = call.header.get("content-type");
  if (contentType !== null && !/^application\/json\s*(?:;|$)/i.test(contentType)) {
    throw contentTypeUnsupported(contentType.slice(0, 100));
  }
  const json = parse(bytes);
  if (!isObject(json) || !isTame(json)) throw bodyInvalid();
  return json;
}

async function readBytes(call: Pick<HttpCall, "readBody">): Promise<Uint8Array> {
  try {
    return await call.readBody();
  } catch (error) {
    if (!(error instanceof ConnectError)) throw error;
    // The sentence tells the limit, which is the transport's to know.
    if (error.code === Code.ResourceExhausted) throw bodyTooLarge(/\d+/.exec(error.rawMessage)?.[0] ?? "0");
    if (error.code === Code.DeadlineExceeded) {
      throw clerkError(408, "request_body_invalid", "Request body invalid", "The request body did not arrive in time.");
    }
    throw error;
  }
}

function parse(bytes: Uint8Array): JsonValue | undefined {
  try {
    return JSON.parse(utf8.decode(bytes)) as JsonValue;
  } catch {
    return undefined;
  }
}

/** Whether the nesting is bounded and every number is one: `1e999` is read as Infinity, which no JSON can tell. */
function isTame(json: JsonValue): boolean {
  const rest: { readonly value: JsonValue; readonly depth: number }[] = [{ value: json, depth: 1 }];
  for (let next = rest.pop(); next !== undefined; next = rest.pop()) {
    const { value, depth } = next;
    if (typeof value === "number" && !Number.isFinite(value)) return false;
    if (typeof value !== "object" || value === null) continue;
    if (depth > DEPTH_MAX) return false;
    for (const inner of Object.values(value)) rest.push({ value: inner, depth: depth + 1 });
  }
  return true;
}
