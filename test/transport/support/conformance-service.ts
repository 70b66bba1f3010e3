/** connectrpc's ConformanceService, whose requests define its answers: https://github.com/connectrpc/conformance. */
import { join } from "node:path";
import { create, type DescMessage, type DescService, type Message, type MessageShape } from "@bufbuild/protobuf";
import { type Any, anyPack } from "@bufbuild/protobuf/wkt";
import { type Code, ConnectError } from "@connectrpc/connect";
import { nativeRestPolicy } from "../../../src/transcoding/policy.ts";
import { type Call, type Handlers, type Mount, mount } from "../../../src/transport/mount.ts";
import { createTransport, type Transport } from "../../../src/transport/transport.ts";
import { compileProtos, found } from "./compile-protos.ts";

export const conformanceRegistry = compileProtos({ ".": join(import.meta.dirname, "conformance") });

const PACKAGE = "connectrpc.conformance.v1";

export const ConformanceService: DescService = found(conformanceRegistry.getService(`${PACKAGE}.ConformanceService`));

export function conformanceMessage(name: string): DescMessage {
  return found(conformanceRegistry.getMessage(`${PACKAGE}.${name}`));
}

export const RequestInfoSchema: DescMessage = conformanceMessage("ConformancePayload.RequestInfo");

interface HeaderMessage {
  readonly name: string;
  readonly value: readonly string[];
}

interface ErrorMessage {
  readonly code: Code;
  readonly message?: string;
  readonly details: readonly Any[];
}

interface UnaryDefinition {
  readonly responseHeaders: readonly HeaderMessage[];
  readonly responseTrailers: readonly HeaderMessage[];
  readonly responseDelayMs: number;
  readonly response:
    | { readonly case: "responseData"; readonly value: Uint8Array }
    | { readonly case: "error"; readonly value: ErrorMessage }
    | { readonly case: undefined };
}

interface StreamDefinition extends Omit<UnaryDefinition, "response"> {
  readonly responseData: readonly Uint8Array[];
  readonly error?: ErrorMessage;
}

type UnaryRequest = Message & { readonly responseDefinition?: UnaryDefinition };
type StreamRequest = Message & { readonly responseDefinition?: StreamDefinition; readonly fullDuplex?: boolean };

/** Returns what a handler saw of its call. */
function infoOf({ header, deadlineTime }: Call, requests: readonly Message[]): Record<string, unknown> {
  const now = Date.now();
  return {
    requestHeaders: [...header].map(([name, value]) => ({ name, value: [value] })),
    requests: requests.map((each) => anyPack(conformanceMessage(each.$typeName.slice(PACKAGE.length + 1)), each)),
    ...(deadlineTime === undefined ? {} : { timeoutMs: BigInt(Math.max(0, deadlineTime - now)) }),
  };
}

function setMetadata(call: Call, definition: Pick<UnaryDefinition, "responseHeaders" | "responseTrailers">): void {
  const { responseHeader, responseTrailer } = call;
  for (const { name, value } of definition.responseHeaders) for (const each of value) responseHeader.append(name, each);
  for (const { name, value } of definition.responseTrailers) {
    for (const each of value) responseTrailer.append(name, each);
  }
}

function errorOf({ code, message = "", details }: ErrorMessage, info?: Record<string, unknown>): ConnectError {
  const outgoing = info === undefined ? [] : [{ desc: RequestInfoSchema, value: info }];
  const error = new ConnectError(message, code, undefined, outgoing);
  error.details.push(...details.map(({ typeUrl, value }) => ({ type: typeUrl.replace(/^.*\//, ""), value })));
  return error;
}

async function pause(ms: number): Promise<void> {
  if (ms > 0) await new Promise((resolve) => setTimeout(resolve, ms));
}

async function answerWhole(output: string, requests: readonly UnaryRequest[], call: Call): Promise<Message> {
  const definition = requests[0]?.responseDefinition;
  const requestInfo = infoOf(call, requests);
  if (definition !== undefined) {
    setMetadata(call, definition);
    await pause(definition.responseDelayMs);
    if (definition.response.case === "error") throw errorOf(definition.response.value, requestInfo);
  }
  const data = definition?.response.case === "responseData" ? definition.response.value : new Uint8Array();
  return payload(output, data, requestInfo);
}

function payload(output: string, data: Uint8Array, requestInfo?: Record<string, unknown>): Message {
  const message: unknown = { payload: { data, ...(requestInfo === undefined ? {} : { requestInfo }) } };
  return create(conformanceMessage(output), message as MessageShape<DescMessage>);
}

/** Yields the remaining answers of a definition, then throws its error. */
async function* answerRest(
  output: string,
  definition: StreamDefinition,
  { from, info }: { readonly from: number; readonly info: Record<string, unknown> },
): AsyncGenerator<Message> {
  for (let i = from; i < definition.responseData.length; i++) {
    await pause(definition.responseDelayMs);
    yield payload(output, found(definition.responseData[i]), i === 0 ? info : undefined);
  }
  const isFirst = definition.responseData.length === 0;
  if (definition.error !== undefined) throw errorOf(definition.error, isFirst ? info : undefined);
}

async function* answerBoth(requests: AsyncIterable<StreamRequest>, call: Call): AsyncGenerator<Message> {
  let definition: StreamDefinition | undefined;
  let fullDuplex: boolean = false;
  let seen: StreamRequest[] = [];
  let sent = 0;
  for await (const request of requests) {
    seen.push(request);
    if (definition === undefined) {
      definition = request.responseDefinition;
      fullDuplex = request.fullDuplex === true;
      if (definition !== undefined) setMetadata(call, definition);
    }
    if (!fullDuplex || definition === undefined) continue;
    if (sent >= definition.responseData.length) break;
    await pause(definition.responseDelayMs);
    const info = sent === 0 ? infoOf(call, seen) : { requests: infoOf(call, seen).requests };
    yield payload("BidiStreamResponse", found(definition.responseData[sent]), info);
    seen = [];
    sent += 1;
  }
  if (definition !== undefined) {
    yield* answerRest("BidiStreamResponse", definition, { from: sent, info: infoOf(call, seen) });
  }
}

async function collect<T>(all: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const each of all) list.push(each);
  return list;
}

const handlers = {
  unary: (request: UnaryRequest, call: Call) => answerWhole("UnaryResponse", [request], call),
  idempotentUnary: (request: UnaryRequest, call: Call) => answerWhole("IdempotentUnaryResponse", [request], call),
  async *clientStream(requests: AsyncIterable<UnaryRequest>, call: Call) {
    yield await answerWhole("ClientStreamResponse", await collect(requests), call);
  },
  async *serverStream(request: StreamRequest, call: Call) {
    const { responseDefinition } = request;
    if (responseDefinition === undefined) return;
    setMetadata(call, responseDefinition);
    yield* answerRest("ServerStreamResponse", responseDefinition, { from: 0, info: infoOf(call, [request]) });
  },
  bidiStream: answerBoth,
};

function conformanceMount(bodyBytesMax: number): Mount<string> {
  return mount<DescService, string>(ConformanceService, handlers as unknown as Handlers<DescService, string>, {
    admit: () => "anyone",
    rest: nativeRestPolicy({ registry: conformanceRegistry }),
    unknownFields: "refuse",
    bodyBytesMax: Object.fromEntries(ConformanceService.methods.map(({ localName }) => [localName, bodyBytesMax])),
  });
}

/** Starts the service. `internals`: the failures that were logged. */
export async function startConformance(
  bodyBytesMax: number,
): Promise<{ readonly url: string; readonly internals: unknown[]; readonly transport: Transport }> {
  const internals: unknown[] = [];
  let calls = 0;
  const transport = createTransport<string>({
    mounts: [conformanceMount(bodyBytesMax)],
    newCallId: () => `call-${++calls}`,
    finished: () => undefined,
    logInternal: (error) => internals.push(error),
  });
  const { url } = await transport.listen({ host: "127.0.0.1", port: 0 });
  return { url, internals, transport };
}
