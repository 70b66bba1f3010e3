/** The answers of calls that fail, as REST and as Connect write them, with the reasons by HTTP status. */
import type { JsonObject } from "@bufbuild/protobuf";
import { codeFromString } from "@connectrpc/connect/protocol-connect";
import { httpStatusOf } from "../transcoding/error.ts";
import { withJsonNames } from "./schemas.ts";

/** Every reason with its RPC code by its standard name and what it means. */
export type Reasons = Readonly<Record<string, readonly [code: string, meaning: string]>>;

export type ErrorWire = "rest" | "connect";

/** Reasons that are met outside of operations alone. */
const OF_NO_OPERATION = { PATH_NOT_FOUND: true, METHOD_NOT_SERVED: true } as const;

/** HTTP has a status of its own for these; Connect knows none but its codes'. */
const REST_STATUS: Readonly<Record<string, number>> = { REQUEST_TOO_LARGE: 413 };

const TITLES: Readonly<Record<number, string>> = {
  400: "The request is not valid, or the state does not allow it.",
  401: "The call is not authenticated.",
  403: "The caller may not do this.",
  404: "There is no such thing that the caller may see.",
  409: "The change conflicts with what is there.",
  413: "The request is too large.",
  429: "Too much at once; `Retry-After` and `RetryInfo` say how long to wait.",
  500: "An unforeseen fault.",
  503: "The service cannot answer now; `outcome` in the metadata says whether a change took effect.",
  504: "The deadline passed.",
};

/** Statuses that only a change can be answered with. */
const OF_CHANGES: readonly number[] = [409];

/** By HTTP status, ascending. */
function reasonsByStatus(reasons: Reasons, wire: ErrorWire): ReadonlyMap<number, readonly string[]> {
  const statuses = new Map<number, string[]>();
  for (const [reason, [code]] of Object.entries(reasons)) {
    if (Object.hasOwn(OF_NO_OPERATION, reason)) continue;
    const rpcCode = codeFromString(code.toLowerCase());
    if (rpcCode === undefined) throw new Error(`openapi: ${code}, of ${reason}, is no RPC code`);
    const status = (wire === "rest" ? REST_STATUS[reason] : undefined) ?? httpStatusOf(rpcCode);
    statuses.set(status, [...(statuses.get(status) ?? []), reason]);
  }
  return new Map([...statuses].sort(([a], [b]) => a - b));
}

/** The `responses` and `schemas` of components that operations refer to. */
export function errorComponents(reasons: Reasons): { readonly responses: JsonObject; readonly schemas: JsonObject } {
  const responses: JsonObject = {};
  for (const wire of ["rest", "connect"] as const) {
    const schema = { $ref: `#/components/schemas/${wire === "rest" ? "google.rpc.Status" : "connect.Error"}` };
    const content = { "application/json": { schema } };
    for (const [status, names] of reasonsByStatus(reasons, wire)) {
      const lines = names.map(
        (name) => `- \`${name}\` (${reasons[name]?.[0]}): ${withJsonNames(reasons[name]?.[1] ?? "")}`,
      );
      const title = TITLES[status] ?? "The call failed.";
      responses[`${wire}.${status}`] = { description: `${title}\n\n${lines.join("\n")}`, content };
    }
    responses[`${wire}.default`] = { description: "The call failed.", content };
  }
  return { responses, schemas: errorSchemas(Object.keys(reasons)) };
}

/** The `responses` of one operation. */
export function errorResponses(reasons: Reasons, wire: ErrorWire, isChange: boolean): JsonObject {
  const statuses = [...reasonsByStatus(reasons, wire).keys()].filter(
    (status) => isChange || !OF_CHANGES.includes(status),
  );
  const names = [...statuses.map(String), "default"];
  return Object.fromEntries(names.map((name) => [name, { $ref: `#/components/responses/${wire}.${name}` }]));
}

function errorSchemas(reasons: readonly string[]): JsonObject {
  const message = { type: "string", description: "One plain sentence with the values received and allowed." };
  return {
    "google.rpc.Status": {
      type: "object",
      description: "Why a call failed.",
      required: ["code", "message", "details"],
      properties: {
        code: { type: "integer", description: "The RPC code by its number, such as 9 for FAILED_PRECONDITION." },
        message,
        details: { type: "array", items: { anyOf: detailRefs() } },
      },
    },
    "connect.Error": {
      type: "object",
      description: "Why a call failed, as the Connect protocol writes it.",
      required: ["code"],
      properties: {
        code: { type: "string", description: "The RPC code, such as `failed_precondition`." },
        message,
        details: { type: "array", items: connectDetail() },
      },
    },
    "google.rpc.ErrorInfo": detail("google.rpc.ErrorInfo", "The reason, for programs.", {
      reason: { type: "string", enum: [...reasons], description: "Later versions may add others." },
      domain: { type: "string", const: "lockkeeper" },
      metadata: { type: "object", additionalProperties: { type: "string" } },
    }),
    "google.rpc.BadRequest": detail("google.rpc.BadRequest", "The fields that are at fault.", {
      fieldViolations: {
        type: "array",
        items: {
          type: "object",
          properties: {
            field: { type: "string", description: "The path in JSON names, such as `profile.displayName`." },
            description: { type: "string" },
          },
        },
      },
    }),
    "google.rpc.RetryInfo": detail("google.rpc.RetryInfo", "How long to wait before trying again.", {
      retryDelay: { type: "string", pattern: "^[0-9]+(\\.[0-9]{1,9})?s$", examples: ["1.500s"] },
    }),
  };
}

const DETAILS = ["google.rpc.ErrorInfo", "google.rpc.BadRequest", "google.rpc.RetryInfo"] as const;

function detailRefs(): JsonObject[] {
  return DETAILS.map((name) => ({ $ref: `#/components/schemas/${name}` }));
}

function detail(name: string, description: string, properties: JsonObject): JsonObject {
  const type = { type: "string", const: `type.googleapis.com/${name}` };
  return { type: "object", description, required: ["@type"], properties: { "@type": type, ...properties } };
}

function connectDetail(): JsonObject {
  return {
    type: "object",
    required: ["type", "value"],
    properties: {
      type: { type: "string", description: "The full name of the message." },
      value: { type: "string", contentEncoding: "base64", description: "The message in protobuf's binary form." },
      debug: { description: "The message as JSON, for people." },
    },
  };
}
