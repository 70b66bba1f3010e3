/** What came of a call, in one form for every client: the answer as proto3 JSON, or the refusal. */
import { fromBinary, type JsonObject } from "@bufbuild/protobuf";
import { base64Decode } from "@bufbuild/protobuf/wire";
import { Code, ConnectError } from "@connectrpc/connect";
import { codeFromString } from "@connectrpc/connect/protocol-connect";
import { BadRequestSchema, ErrorInfoSchema } from "../../gen/google/rpc/error_details_pb.ts";
import { StatusSchema } from "../../gen/google/rpc/status_pb.ts";

export interface Refusal {
  /** The RPC code by its name in Connect-ES, for example `FailedPrecondition`. */
  readonly code: string;
  readonly reason: string;
  readonly fields: readonly string[];
  readonly message: string;
}

export type Outcome = { readonly answer: JsonObject } | { readonly refusal: Refusal };

interface Detail {
  readonly type: string;
  readonly value: Uint8Array;
}

/** From a thrown ConnectError. */
export function refusedByError(reason: unknown): Outcome {
  const error = ConnectError.from(reason);
  const info = error.findDetails(ErrorInfoSchema)[0];
  const bad = error.findDetails(BadRequestSchema)[0];
  return refused(error.code, error.rawMessage, info?.reason, bad?.fieldViolations);
}

/** From the code, the message and the `grpc-status-details-bin` of gRPC and gRPC-Web. */
export function refusedByStatus(code: number, message: string, statusBytes: Uint8Array | undefined): Outcome {
  const anys = statusBytes === undefined ? [] : fromBinary(StatusSchema, statusBytes).details;
  return refusedWith(
    code,
    message,
    anys.map(({ typeUrl, value }) => ({ type: typeUrl.slice(typeUrl.lastIndexOf("/") + 1), value })),
  );
}

/** From an error document of the Connect protocol. */
export function refusedByConnectJson(json: JsonObject): Outcome {
  const { code, message, details } = json as unknown as { code: string; message?: string; details?: ConnectDetail[] };
  return refusedWith(
    codeFromString(code) ?? Code.Unknown,
    message ?? "",
    (details ?? []).map(({ type, value }) => ({ type, value: base64Decode(value) })),
  );
}

interface ConnectDetail {
  readonly type: string;
  readonly value: string;
}

/** From a google.rpc.Status as JSON. */
export function refusedByStatusJson(json: JsonObject): Outcome {
  const { code, message, details } = json as unknown as { code: number; message?: string; details?: StatusDetail[] };
  const find = (name: string): StatusDetail | undefined =>
    details?.find((detail) => detail["@type"] === `type.googleapis.com/google.rpc.${name}`);
  return refused(code, message ?? "", find("ErrorInfo")?.reason, find("BadRequest")?.fieldViolations);
}

interface StatusDetail {
  readonly "@type": string;
  readonly reason?: string;
  readonly fieldViolations?: readonly { readonly field: string }[];
}

function refusedWith(code: number, message: string, details: readonly Detail[]): Outcome {
  const bytesOf = (type: string): Uint8Array | undefined => details.find((detail) => detail.type === type)?.value;
  const info = bytesOf(ErrorInfoSchema.typeName);
  const bad = bytesOf(BadRequestSchema.typeName);
  return refused(
    code,
    message,
    info && fromBinary(ErrorInfoSchema, info).reason,
    bad && fromBinary(BadRequestSchema, bad).fieldViolations,
  );
}

function refused(
  code: number,
  message: string,
  reason: string | undefined,
  violations: readonly { readonly field: string }[] | undefined,
): Outcome {
  const fields = violations?.map(({ field }) => field) ?? [];
  return { refusal: { code: Code[code] ?? `code ${code}`, reason: reason ?? "", fields, message } };
}
