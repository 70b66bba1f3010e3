/** Receives traces over OTLP/HTTP like a collector: decodes the protobuf and keeps the spans. */
import { once } from "node:events";
import * as http from "node:http";
import type { AddressInfo } from "node:net";
import type { TestContext } from "node:test";
import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";
import { defer } from "../../support/cleanup.ts";
import { until } from "../../support/until.ts";

export type AttributeValue = string | number | boolean;

export interface ReceivedSpan {
  readonly traceId: string;
  readonly spanId: string;
  /** Empty for the first span of a trace. */
  readonly parentSpanId: string;
  readonly traceState: string;
  readonly name: string;
  /** 1 internal, 2 server, 3 client. */
  readonly kind: number;
  /** Nanoseconds since the epoch. */
  readonly startTime: bigint;
  readonly endTime: bigint;
  readonly attributes: Readonly<Record<string, AttributeValue>>;
  /** 0 unset, 1 OK, 2 error. */
  readonly status: number;
  readonly statusMessage: string;
  readonly resource: Readonly<Record<string, AttributeValue>>;
}

export interface Receiver {
  readonly url: string;
  readonly spans: ReceivedSpan[];
  readonly requests: { readonly path: string; readonly headers: http.IncomingHttpHeaders; readonly bytes: number }[];
  /** How many exports their sender aborted before the answer. */
  givenUp(): number;
  /** Waits until the condition holds; fails if it never does. */
  until(condition: () => boolean): Promise<void>;
}

/** `answers: false`: accepts connections and never answers. */
export async function startReceiver(t: TestContext, { answers = true } = {}): Promise<Receiver> {
  const spans: ReceivedSpan[] = [];
  const requests: Receiver["requests"] = [];
  let givenUp = 0;
  const server = http.createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    requests.push({ path: request.url ?? "", headers: request.headers, bytes: body.byteLength });
    if (!answers) {
      response.on("close", () => givenUp++);
      return;
    }
    spans.push(...decodeTraces(body));
    response.writeHead(200, { "content-type": "application/x-protobuf" }).end();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  defer(t, () => {
    server.closeAllConnections();
    server.close();
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    spans,
    requests,
    givenUp: () => givenUp,
    async until(condition) {
      await until(condition, `the expected spans; received so far: ${spans.length}`);
    },
  };
}

/** A field's number with its value: bytes if it is length-delimited, otherwise a number. */
type Field = readonly [number: number, value: Uint8Array | bigint];

function fieldsOf(bytes: Uint8Array): readonly Field[] {
  const reader = new BinaryReader(bytes);
  const fields: Field[] = [];
  while (reader.pos < reader.len) {
    const [number, type] = reader.tag();
    if (type === WireType.LengthDelimited) fields.push([number, reader.bytes()]);
    else if (type === WireType.Bit64) fields.push([number, BigInt(reader.fixed64())]);
    else if (type === WireType.Bit32) fields.push([number, BigInt(reader.fixed32())]);
    else fields.push([number, BigInt(reader.int64())]);
  }
  return fields;
}

const all = (fields: readonly Field[], number: number): readonly Uint8Array[] =>
  fields.flatMap(([each, value]) => (each === number && typeof value !== "bigint" ? [value] : []));
const bytesIn = (fields: readonly Field[], number: number): Uint8Array => all(fields, number)[0] ?? new Uint8Array();
const textIn = (fields: readonly Field[], number: number): string => Buffer.from(bytesIn(fields, number)).toString();
const hexIn = (fields: readonly Field[], number: number): string =>
  Buffer.from(bytesIn(fields, number)).toString("hex");
const numberIn = (fields: readonly Field[], number: number): bigint => {
  const value = fields.find(([each]) => each === number)?.[1];
  return typeof value === "bigint" ? value : 0n;
};

/** `opentelemetry.proto.collector.trace.v1.ExportTraceServiceRequest`, by the numbers of its fields. */
function decodeTraces(body: Uint8Array): readonly ReceivedSpan[] {
  return all(fieldsOf(body), 1).flatMap((resourceSpans) => {
    const parts = fieldsOf(resourceSpans);
    const resource = attributesOf(fieldsOf(bytesIn(parts, 1)), 1);
    return all(parts, 2)
      .flatMap((scopeSpans) => all(fieldsOf(scopeSpans), 2))
      .map((span) => decodeSpan(fieldsOf(span), resource));
  });
}

function decodeSpan(span: readonly Field[], resource: ReceivedSpan["resource"]): ReceivedSpan {
  const status = fieldsOf(bytesIn(span, 15));
  return {
    traceId: hexIn(span, 1),
    spanId: hexIn(span, 2),
    traceState: textIn(span, 3),
    parentSpanId: hexIn(span, 4),
    name: textIn(span, 5),
    kind: Number(numberIn(span, 6)),
    startTime: numberIn(span, 7),
    endTime: numberIn(span, 8),
    attributes: attributesOf(span, 9),
    statusMessage: textIn(status, 2),
    status: Number(numberIn(status, 3)),
    resource,
  };
}

function attributesOf(fields: readonly Field[], number: number): Readonly<Record<string, AttributeValue>> {
  return Object.fromEntries(
    all(fields, number).map((pair) => {
      const parts = fieldsOf(pair);
      return [textIn(parts, 1), toValue(fieldsOf(bytesIn(parts, 2)))];
    }),
  );
}

function toValue(value: readonly Field[]): AttributeValue {
  const [number] = value[0] ?? [];
  if (number === 1) return textIn(value, 1);
  if (number === 2) return numberIn(value, 2) === 1n;
  if (number === 3) return Number(numberIn(value, 3));
  throw new Error(`an attribute of a kind that is not expected: ${number}`);
}
