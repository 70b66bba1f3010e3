/** The behaviour of ZITADEL's REST gateway: lenient in what it reads, `google.rpc.Status` for errors. */
import { createRegistry } from "@bufbuild/protobuf";
import type { ConnectError } from "@connectrpc/connect";
import { codeToHttpStatus } from "@connectrpc/connect/protocol-connect";
import { ErrorDetailSchema } from "@zitadel/proto/zitadel/message_pb.js";
import { ErrorInfoSchema } from "../../../../gen/google/rpc/error_details_pb.ts";
import type { RestAnswer } from "../../../transcoding/error.ts";
import type { RestPolicy } from "../../../transcoding/policy.ts";
import type { RestError } from "../../../transcoding/rest-error.ts";

const utf8 = new TextEncoder();

/** What differs between the services. */
export type RestDifferences = Pick<RestPolicy, "pathPrefix" | "successStatuses"> & Pick<RestPolicy, "ownPaths">;

/** Returns the policy of one service. */
export function restPolicy(differences: RestDifferences): RestPolicy {
  return {
    unknownFields: "ignore",
    unknownQuery: "ignore",
    emptyQuery: "ignore",
    requestContentType: "any",
    unexpectedBody: "ignore",
    pathConflict: "override",
    // Passwords and addresses are ordinary fields in these descriptors.
    redactValues: true,
    registry: createRegistry(ErrorDetailSchema),
    encodeError,
    ...differences,
  };
}

/** Texts of what the gateway itself refuses, by HTTP status. */
const GATEWAY_TEXTS: ReadonlyMap<number, string> = new Map([
  [404, "Not Found"],
  [405, "Method Not Allowed"],
]);

function encodeError(error: ConnectError): RestAnswer {
  const { status, header, message } = answerOf(error);
  const details = error.findDetails(ErrorDetailSchema).map(({ id, message: text }) => ({
    "@type": `type.googleapis.com/${ErrorDetailSchema.typeName}`,
    id,
    message: text,
  }));
  const body = { code: error.code, message, ...(details.length === 0 ? {} : { details }) };
  return {
    status,
    header: { ...header, "content-type": "application/json" },
    body: utf8.encode(JSON.stringify(body)),
  };
}

interface Answer {
  readonly status: number;
  readonly header: Readonly<Record<string, string>>;
  readonly message: string;
}

function answerOf(error: ConnectError): Answer {
  if (isHttpError(error)) {
    const message = GATEWAY_TEXTS.get(error.httpStatus) ?? error.rawMessage;
    return { status: error.httpStatus, header: error.header, message };
  }
  const status = codeToHttpStatus(error.code);
  if (status === 401) return { status, header: { "www-authenticate": error.rawMessage }, message: error.rawMessage };
  // An ErrorInfo is present only if no method could answer: the target itself is malformed.
  if (error.findDetails(ErrorInfoSchema).length > 0 && status === 400) {
    return { status, header: {}, message: "Bad Request" };
  }
  const retryAfter = error.metadata.get("retry-after");
  return { status, header: retryAfter === null ? {} : { "retry-after": retryAfter }, message: error.rawMessage };
}

/** Returns whether an error comes from REST itself, which then says its HTTP status. */
function isHttpError(error: ConnectError): error is RestError {
  return "httpStatus" in error && typeof error.httpStatus === "number";
}
