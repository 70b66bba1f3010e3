/** The choices in which two REST APIs may differ: one value per mount. The defaults are those of the native API. */
import type { Registry } from "@bufbuild/protobuf";
import type { ConnectError } from "@connectrpc/connect";
import { encodeStatusError, type RestAnswer } from "./error.ts";

/** Encodes a failed call as the API's own error document. The default writes `google.rpc.Status` as JSON. */
export type RestErrorEncoder = (error: ConnectError, policy: RestPolicy) => RestAnswer;

/** The REST behaviour of a mount. */
export interface RestPolicy {
  /** The prefix of every path template, for example `/management/v1`; empty for none. */
  readonly pathPrefix: string;
  /** Unknown members of a JSON body: refused with a 400 that names the member, or ignored. */
  readonly unknownFields: "refuse" | "ignore";
  /** Unknown query parameters: refused with a 400 that names the parameter, or ignored. */
  readonly unknownQuery: "refuse" | "ignore";
  /** Empty query parameters of fields for which empty means absent: refused by name, or treated as absent. */
  readonly emptyQuery: "refuse" | "ignore";
  /** The content type of JSON request bodies: checked, or not checked. */
  readonly requestContentType: "json" | "any";
  /** A body sent to a method without one: refused (except `{}`, which some clients always send), or ignored. */
  readonly unexpectedBody: "refuse" | "ignore";
  /** A field with different values in path and body: refused, or the path's value is used. */
  readonly pathConflict: "refuse" | "override";
  /**
   * Whether refusals show only the length of values in body and query: for APIs whose descriptors mark no personal
   * fields.
   */
  readonly redactValues: boolean;
  /** The HTTP status of success by local method name. Absent: 200. */
  readonly successStatuses: Readonly<Record<string, number>>;
  /**
   * The field, by local method name, that is the id of each server-sent event of a stream. `Last-Event-ID`, which a
   * client sends when it reconnects, is the value of the request's field of the same name. Absent: events have no ids.
   */
  readonly eventIds?: Readonly<Record<string, string>>;
  /**
   * The paths that belong to this mount even if no route matches: 404, 405 and malformed targets below them are
   * answered with its error document. Each ends at a segment. Absent: `pathPrefix`.
   */
  readonly ownPaths?: readonly string[];
  /** The messages that an `Any` may hold, error details among them. */
  readonly registry: Registry;
  readonly encodeError: RestErrorEncoder;
}

/** Returns the native policy: a misspelt name is refused, never ignored. The registry is required. */
export function nativeRestPolicy(overrides: Partial<RestPolicy> & Pick<RestPolicy, "registry">): RestPolicy {
  return {
    pathPrefix: "",
    unknownFields: "refuse",
    unknownQuery: "refuse",
    emptyQuery: "refuse",
    requestContentType: "json",
    unexpectedBody: "refuse",
    pathConflict: "refuse",
    redactValues: false,
    successStatuses: {},
    encodeError: encodeStatusError,
    ...overrides,
  };
}
