/** The essence of connectrpc's server cases, in the form of its YAML, with the expected result of each. */
import { Code } from "@connectrpc/connect";

export type Kind = "unary" | "idempotentUnary" | "clientStream" | "serverStream" | "halfDuplex" | "fullDuplex";

export interface Case {
  readonly name: string;
  readonly kind: Kind;
  /** Proto3 JSON of each request. */
  readonly requests: readonly Definition[];
  readonly timeoutMs?: number;
  readonly expected: Expected;
}

type Definition = Readonly<Record<string, unknown>>;

export interface Expected {
  readonly headers: Readonly<Record<string, string>>;
  readonly trailers: Readonly<Record<string, string>>;
  /** The payload of each answer, as text. */
  readonly data: readonly string[];
  readonly error?: { readonly code: Code; readonly message: string | undefined; readonly details: number };
  /** The number of requests that the first answer, or the error, reports. */
  readonly seen?: number;
}

const base64 = (text: string): string => Buffer.from(text).toString("base64");

/** Each is given twice, so that every case has metadata with several values. */
const METADATA = {
  responseHeaders: [
    { name: "x-custom-header", value: ["foo", "bar"] },
    { name: "x-lab-bin", value: ["AQID"] },
  ],
  responseTrailers: [{ name: "x-custom-trailer", value: ["bing", "quux"] }],
} as const;

const SENT = {
  headers: { "x-custom-header": "foo, bar", "x-lab-bin": "AQID" },
  trailers: { "x-custom-trailer": "bing, quux" },
} as const;

const NOTHING = { headers: {}, trailers: {}, data: [] } as const;

/** The detail of an error; any message will do. */
const HEADER_ANY = { "@type": "type.googleapis.com/connectrpc.conformance.v1.Header", name: "x", value: ["y"] };

function failure(code: Code, message: string): Record<string, unknown> {
  const name = `CODE_${Code[code].replaceAll(/(?<=[a-z])(?=[A-Z])/g, "_").toUpperCase()}`;
  return { code: name, message, details: [HEADER_ANY] };
}

/** Returns the text of an error that callers may read: none for internal failures. */
function shownText(code: Code, message: string): string {
  return code === Code.Internal || code === Code.Unknown ? "internal error" : message;
}

const CODES = Object.values(Code).filter((code): code is Code => typeof code === "number");

const WHOLE: readonly Kind[] = ["unary", "idempotentUnary", "clientStream"];
const STREAMS: readonly Kind[] = ["serverStream", "halfDuplex", "fullDuplex"];

/** A second request, for methods with client streams. */
function withMore(kind: Kind, first: Definition): readonly Definition[] {
  const isMore = kind === "clientStream" || kind === "halfDuplex" || kind === "fullDuplex";
  return isMore ? [first, { requestData: base64("more") }] : [first];
}

function definition(kind: Kind, responseDefinition: Definition): Definition {
  return kind === "fullDuplex" ? { fullDuplex: true, responseDefinition } : { responseDefinition };
}

function wholeCases(kind: Kind): readonly Case[] {
  const ask = (responseDefinition: Definition): readonly Definition[] =>
    withMore(kind, definition(kind, responseDefinition));
  const seen = withMore(kind, {}).length;
  return [
    { name: "empty request", kind, requests: [{}], expected: { ...NOTHING, data: [""], seen: 1 } },
    {
      name: "success",
      kind,
      requests: ask({ ...METADATA, responseData: base64("test response") }),
      expected: { ...SENT, data: ["test response"], seen },
    },
    {
      name: "error with metadata and details",
      kind,
      requests: ask({ ...METADATA, error: failure(Code.ResourceExhausted, "grüße 🎈 100 %") }),
      expected: {
        ...SENT,
        data: [],
        seen,
        error: { code: Code.ResourceExhausted, message: "grüße 🎈 100 %", details: 2 },
      },
    },
    {
      name: "deadline that passes",
      kind,
      requests: ask({ ...METADATA, responseDelayMs: 300, responseData: base64("late") }),
      timeoutMs: 60,
      expected: { ...NOTHING, error: { code: Code.DeadlineExceeded, message: undefined, details: 0 } },
    },
    {
      name: "deadline that the handler learns",
      kind,
      requests: ask({ responseData: base64("in time") }),
      timeoutMs: 20_000,
      expected: { ...NOTHING, data: ["in time"], seen },
    },
  ];
}

function streamCases(kind: Kind): readonly Case[] {
  const ask = (responseDefinition: Definition): readonly Definition[] =>
    withMore(kind, definition(kind, responseDefinition));
  const seen = kind === "halfDuplex" ? 2 : 1;
  const responseData = [base64("one"), base64("two")];
  const error = failure(Code.Aborted, "no more");
  const failed = { code: Code.Aborted, message: "no more" };
  return [
    { name: "empty request", kind, requests: [{}], expected: NOTHING },
    {
      name: "success",
      kind,
      requests: ask({ ...METADATA, responseData }),
      expected: { ...SENT, data: ["one", "two"], seen },
    },
    { name: "no responses", kind, requests: ask(METADATA), expected: { ...SENT, data: [] } },
    {
      name: "error after responses",
      kind,
      requests: ask({ ...METADATA, responseData, error }),
      expected: { ...SENT, data: ["one", "two"], seen, error: { ...failed, details: 1 } },
    },
    {
      name: "error without responses",
      kind,
      requests: ask({ ...METADATA, error }),
      expected: { ...SENT, data: [], seen, error: { ...failed, details: 2 } },
    },
    {
      name: "deadline that passes",
      kind,
      requests: ask({ responseDelayMs: 300, responseData }),
      timeoutMs: 60,
      expected: { ...NOTHING, error: { code: Code.DeadlineExceeded, message: undefined, details: 0 } },
    },
  ];
}

/** The largest accepted request, in bytes. */
export const BODY_BYTES_MAX = 100 * 1024;

function sizeCases(kind: Kind): readonly Case[] {
  const large = { requestData: base64("x".repeat(BODY_BYTES_MAX)) };
  // In full duplex the second request waits for an answer to the first, which never comes.
  const isMore = kind !== "fullDuplex" && withMore(kind, {}).length > 1;
  const expected = { ...NOTHING, error: { code: Code.ResourceExhausted, message: undefined, details: 0 } };
  const first = { name: "first request too large", kind, requests: [large], expected };
  return isMore ? [first, { name: "later request too large", kind, requests: [{}, large], expected }] : [first];
}

export const CASES: readonly Case[] = [
  ...WHOLE.flatMap(wholeCases),
  ...STREAMS.flatMap(streamCases),
  // The idempotent method is called by GET, and no URL is that long.
  ...[...WHOLE, ...STREAMS].filter((kind) => kind !== "idempotentUnary").flatMap(sizeCases),
  ...CODES.flatMap((code) =>
    (["unary", "serverStream"] as const).map(
      (kind): Case => ({
        name: `code ${Code[code]}`,
        kind,
        requests: [{ responseDefinition: { error: failure(code, "as asked") } }],
        expected: { ...NOTHING, seen: 1, error: { code, message: shownText(code, "as asked"), details: 2 } },
      }),
    ),
  ),
];
