/** The choices in which two REST APIs may differ: one value per mount. Every default is the native one. */
import type { Registry } from "@bufbuild/protobuf";
import type { ConnectError } from "@connectrpc/connect";
import { encodeStatusError, type RestAnswer } from "./error.ts";

/** Turns a failed call into the API's own error document. The default writes `google.rpc.Status` as JSON. */
export type RestErrorEncoder = (error: ConnectError, policy: RestPolicy) => RestAnswer;

/** What a REST mount refuses, ignores and prints. */
export interface RestPolicy {
  /** Set in front of every path template, for example `/management/v1`; empty for none. */
  readonly pathPrefix: string;
  /** Unknown members of a JSON body: refused with 400 naming the member, or ignored. Also applies to Connect JSON. */
  readonly unknownFields: "refuse" | "ignore";
  /** Unknown query parameters: refused with 400 naming the parameter, or ignored. */
  readonly unknownQuery: "refuse" | "ignore";
  /** Empty query parameters of texts that are absent when they are empty: refused by name, or taken as absent. */
  readonly emptyQuery: "refuse" | "ignore";
  /** The content type of JSON request bodies: checked, or not looked at. */
  readonly requestContentType: "json" | "any";
  /** A body sent to a method that takes none: refused (but for `{}`, which some clients always send), or ignored. */
  readonly unexpectedBody: "refuse" | "ignore";
  /** A field that path and body give differently: refused, or taken from the path. */
  readonly pathConflict: "refuse" | "override";
  /** Refusals show no value of a body or a query, only its length: of APIs whose descriptors mark no personal field. */
  readonly redactValues: boolean;
  /** The HTTP status of success by local method name. Absent: 200. */
  readonly successStatuses: Readonly<Record<string, number>>;
  /**
   * Paths that are this mount's although no route matches: 404, 405 and malformed targets below them are answered with
   * its error document. Each ends at a segment. Absent: what lies below `pathPrefix`.
   */
  readonly ownPaths?: readonly string[];
  /** Knows the messages that may stand in an `Any`, error details among them. */
  readonly registry: Registry;
  readonly encodeError: RestErrorEncoder;
}

/** The native choices: what a caller misspells is refused, never ignored. The registry has to be said. */
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
