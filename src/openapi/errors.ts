/** The responses of failed calls in REST and Connect form, by HTTP status: one set per operation, with examples. */
import { createRegistry, type DescMethod, type JsonObject } from "@bufbuild/protobuf";
import { durationFromMs } from "@bufbuild/protobuf/wkt";
import { type Code, ConnectError } from "@connectrpc/connect";
import { codeFromString, codeToHttpStatus, errorToJson } from "@connectrpc/connect/protocol-connect";
import {
  BadRequestSchema,
  ErrorInfoSchema,
  file_google_rpc_error_details,
  RetryInfoSchema,
} from "../../gen/google/rpc/error_details_pb.ts";
import { toStatusJson } from "../transcoding/error.ts";
import type { MethodRefusals } from "./refusals.ts";
import type { RefusalExample, Refusals } from "./refusals-by-rpc.ts";
import { withJsonNames } from "./schemas.ts";

/** Every reason with the standard name of its RPC code and its meaning. */
export type Reasons = Readonly<Record<string, readonly [code: string, meaning: string]>>;

/** How a method may be refused. */
export type RefusalsOf = (method: DescMethod) => MethodRefusals;

export type ErrorWire = "rest" | "connect";

/** The domain of every ErrorInfo. */
const DOMAIN = "lockkeeper";

const registry = createRegistry(file_google_rpc_error_details);

/** HTTP has statuses for these; Connect knows only those of its codes. */
const REST_STATUS: Readonly<Record<string, number>> = { REQUEST_TOO_LARGE: 413 };

const TITLES: Readonly<Record<number, string>> = {
  400: "The request is not valid, or the state does not allow it.",
  401: "The call is not authenticated.",
  403: "The caller may not do this.",
  404: "The resource does not exist, or the caller may not see it.",
  409: "The change conflicts with what is there.",
  413: "The request is too large.",
  429: "Too many requests; `Retry-After` and `RetryInfo` say how long to wait.",
  500: "An unforeseen fault.",
  503: "The service cannot answer now; `outcome` in the metadata says whether a change took effect.",
  504: "The deadline passed.",
};

interface Said {
  readonly reason: string;
  readonly said: RefusalExample;
  readonly wire: ErrorWire;
  /** The RPC that is refused so, or the kind of all that are. */
  readonly by: string;
}

/** The reasons of one status. */
interface Answer {
  readonly reasons: Refusals;
  /** Some belong to this operation only. */
  readonly isOwn: boolean;
}

/** Builds the failed responses of operations and holds the components that they refer to. */
export class ErrorResponses {
  readonly examples: Record<string, JsonObject> = {};
  readonly responses: Record<string, JsonObject> = {};
  readonly #reasons: Reasons;
  readonly #refusalsOf: RefusalsOf;

  constructor(reasons: Reasons, refusalsOf: RefusalsOf) {
    this.#reasons = reasons;
    this.#refusalsOf = refusalsOf;
  }

  get schemas(): JsonObject {
    return errorSchemas(Object.keys(this.#reasons));
  }

  /** Returns the `responses` of one operation, by status. */
  of(method: DescMethod, wire: ErrorWire): JsonObject {
    const { kind, own, shared } = this.#refusalsOf(method);
    const name = `${method.parent.name}.${method.name}`;
    const responses: JsonObject = {};
    for (const [status, { reasons, isOwn }] of this.#byStatus(own, shared, wire)) {
      responses[status] = this.#held(`${wire}.${isOwn ? name : kind}.${status}`, () => {
        const lines = Object.keys(reasons).map((reason) => {
          const [code, meaning] = this.#meaningOf(reason);
          return `- \`${reason}\` (${code}): ${withJsonNames(meaning)}`;
        });
        const examples: JsonObject = {};
        for (const [reason, said] of Object.entries(reasons)) {
          examples[reason] = this.#example({ reason, said, wire, by: Object.hasOwn(own, reason) ? name : kind });
        }
        return {
          description: `${TITLES[status] ?? "The call failed."}\n\n${lines.join("\n")}`,
          content: { "application/json": { schema: schemaOf(wire), examples } },
        };
      });
    }
    const content = { "application/json": { schema: schemaOf(wire) } };
    return {
      ...responses,
      default: this.#held(`${wire}.default`, () => ({ description: "The call failed.", content })),
    };
  }

  /** By HTTP status, ascending; the operation's own reasons come first. */
  #byStatus(own: Refusals, shared: Refusals, wire: ErrorWire): ReadonlyMap<number, Answer> {
    const answers = new Map<number, Answer>();
    for (const [reason, said] of Object.entries({ ...own, ...shared })) {
      const status = (wire === "rest" ? REST_STATUS[reason] : undefined) ?? codeToHttpStatus(this.#codeOf(reason));
      const before = answers.get(status);
      answers.set(status, {
        reasons: { ...before?.reasons, [reason]: said },
        isOwn: (before?.isOwn ?? false) || Object.hasOwn(own, reason),
      });
    }
    return new Map([...answers].sort(([a], [b]) => a - b));
  }

  /** A response that several operations share is stored once, under the name of the first. */
  #example({ reason, said, wire, by }: Said): JsonObject {
    const message = wire === "connect" ? (said.connectMessage ?? said.message) : said.message;
    const error = toError(reason, this.#codeOf(reason), { ...said, message });
    const value = wire === "rest" ? toStatusJson(error, registry) : (errorToJson(error, undefined) as JsonObject);
    const example: JsonObject = { value };
    const text = JSON.stringify(example);
    const names = [`${wire}.${reason}`, `${wire}.${reason}.${by}`];
    const name = names.find((each) => JSON.stringify(this.examples[each] ?? example) === text);
    if (name === undefined) return example;
    this.examples[name] = example;
    return { $ref: `#/components/examples/${name}` };
  }

  /** Built once: the routes of an RPC share their refusals. */
  #held(name: string, make: () => JsonObject): JsonObject {
    this.responses[name] ??= make();
    return { $ref: `#/components/responses/${name}` };
  }

  #meaningOf(reason: string): Reasons[string] {
    const known = this.#reasons[reason];
    if (known === undefined) throw new Error(`openapi: ${reason} is not a reason`);
    return known;
  }

  #codeOf(reason: string): Code {
    const [name] = this.#meaningOf(reason);
    const code = codeFromString(name.toLowerCase());
    if (code === undefined) throw new Error(`openapi: ${name}, of ${reason}, is not an RPC code`);
    return code;
  }
}

function schemaOf(wire: ErrorWire): JsonObject {
  return { $ref: `#/components/schemas/${wire === "rest" ? "google.rpc.Status" : "connect.Error"}` };
}

/** In the form that the service sends. */
function toError(
  reason: string,
  code: Code,
  { message, metadata = {}, fields, retryAfterMs }: RefusalExample,
): ConnectError {
  const error = new ConnectError(message, code);
  error.details.push({ desc: ErrorInfoSchema, value: { reason, domain: DOMAIN, metadata: { ...metadata } } });
  if (fields !== undefined) {
    const fieldViolations = Object.entries(fields).map(([field, description]) => ({ field, description }));
    error.details.push({ desc: BadRequestSchema, value: { fieldViolations } });
  }
  if (retryAfterMs !== undefined) {
    error.details.push({ desc: RetryInfoSchema, value: { retryDelay: durationFromMs(retryAfterMs) } });
  }
  return error;
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
      domain: { type: "string", const: DOMAIN },
      metadata: { type: "object", additionalProperties: { type: "string" } },
    }),
    "google.rpc.BadRequest": detail("google.rpc.BadRequest", "The fields at fault.", {
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
