/** Answers requests for pages that anyone may read: documents that are made once, each also in a shorter coding. */
import { hash } from "node:crypto";
import { createRegistry } from "@bufbuild/protobuf";
import type { ConnectError } from "@connectrpc/connect";
import { file_google_rpc_error_details } from "../../../gen/google/rpc/error_details_pb.ts";
import { encodeStatusError } from "../../transcoding/error.ts";
import { methodNotAllowed, pathNotFound } from "../../transcoding/rest-error.ts";
import type { ChargeStranger, RefuseUnmatched } from "../../transport/call/call-record.ts";
import type { HttpAnswer, HttpCall } from "../../transport/mount.ts";

const SAFETY: Readonly<Record<string, string>> = {
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
};

const registry = createRegistry(file_google_rpc_error_details);

/** The limits of callers without a credential. `refuse` is called for each request, `charge` for each response. */
export interface Strangers {
  readonly refuse: RefuseUnmatched;
  readonly charge: ChargeStranger;
}

export type TakeTurn = HttpCall["takeTurn"];

/** Returns a document in the best form for a header `Accept-Encoding`. `takeTurn`: of the call that asks for it. */
export type Make = (acceptEncoding: string, takeTurn: TakeTurn) => Promise<HttpAnswer>;

/** What all documents of a page have in common. */
export interface PageOptions {
  readonly strangers: Strangers;
  /** The name in the log. */
  readonly operation: string;
  /** Sent with every document. */
  readonly header: Readonly<Record<string, string>>;
  /** The paths that an answer to an unknown one names. */
  readonly paths: readonly string[];
}

/** Makes a document at the first request and keeps it, so that later ones are cheap; retries after a failure. */
export function kept<T>(make: (takeTurn: TakeTurn) => Promise<T>): (takeTurn: TakeTurn) => Promise<T> {
  let made: Promise<T> | undefined;
  return (takeTurn) => {
    made ??= make(takeTurn).catch((error: unknown) => {
      made = undefined;
      throw error;
    });
    return made;
  };
}

/** Returns a document that the browser asks for again each time. */
export function fileOf(type: string, body: Uint8Array): HttpAnswer {
  const etag = `"${hash("sha256", body, "base64url").slice(0, 22)}"`;
  return { status: 200, header: { ...SAFETY, "content-type": type, "cache-control": "no-cache", etag }, body };
}

/** Returns an answer that leads to another path of this service. */
export function redirectTo(location: string, text: string): HttpAnswer {
  return textOf(302, text, { location });
}

/** Answers one request. `make`: absent where the path has no document. */
export async function answerPage(
  call: HttpCall<never>,
  make: Make | undefined,
  { strangers, operation, header: common, paths }: PageOptions,
): Promise<HttpAnswer> {
  const { method, header } = call;
  call.addToRecord({ operation });
  const refused = await strangers.refuse(call.remoteAddress);
  if (refused !== undefined) return refusalOf(call, refused);
  if (make === undefined) {
    const error = pathNotFound(call.path, paths);
    call.addToRecord({ error });
    return textOf(404, `${error.rawMessage}\n`, {});
  }
  if (method !== "GET" && method !== "HEAD") {
    call.addToRecord({ error: methodNotAllowed(["GET", "HEAD"], call.path) });
    return textOf(405, `${method} is not served here; GET and HEAD are\n`, { allow: "GET, HEAD" });
  }
  const found = await make(header.get("accept-encoding") ?? "", () => call.takeTurn());
  const secured = { ...found.header, vary: "Accept-Encoding", ...common };
  if (isKnown(header.get("if-none-match") ?? "", found)) {
    return { status: 304, header: secured, body: new Uint8Array() };
  }
  const tooMuch = method === "HEAD" ? undefined : await strangers.charge(call.remoteAddress, found.body.byteLength);
  return tooMuch === undefined ? { ...found, header: secured } : refusalOf(call, tooMuch);
}

/** Returns whether a header `If-None-Match` names the document. A proxy that compresses makes `W/"…"` of a validator. */
function isKnown(validators: string, { header: { etag } }: HttpAnswer): boolean {
  return validators.split(",").some((each) => each.trim().replace(/^W\//, "") === etag);
}

function refusalOf(call: HttpCall<never>, error: ConnectError): HttpAnswer {
  call.addToRecord({ error });
  return encodeStatusError(error, { registry });
}

/** Returns a plain text. */
export function textOf(status: number, text: string, header: Readonly<Record<string, string>>): HttpAnswer {
  return { status, header: { ...SAFETY, ...header, "content-type": "text/plain" }, body: Buffer.from(text) };
}
