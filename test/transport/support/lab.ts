/** A transport with the lab service on its own port, and what it records of its calls. */

import { create, type Message } from "@bufbuild/protobuf";
import type { FieldMask } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError } from "@connectrpc/connect";
import { ErrorInfoSchema } from "../../../gen/google/rpc/error_details_pb.ts";
import { nativeRestPolicy } from "../../../src/transcoding/policy.ts";
import { Health, healthHttpMounts, healthMount } from "../../../src/transport/builtin/health.ts";
import { Reflection, reflectionMounts } from "../../../src/transport/builtin/reflection.ts";
import type { CallRecord, ChargeStranger } from "../../../src/transport/call/call-record.ts";
import type { TransportLimits } from "../../../src/transport/limits.ts";
import type { TlsOptions } from "../../../src/transport/listen/listener.ts";
import {
  type Admit,
  type Call,
  type HttpMount,
  type LateMounts,
  type Mount,
  mount,
  mountHttp,
} from "../../../src/transport/mount.ts";
import { createTransport, type Transport } from "../../../src/transport/transport.ts";
import { until } from "../../support/until.ts";
import { CountResponseSchema, EchoResponseSchema, HttpBodySchema, LabService, labRegistry } from "./lab-service.ts";

export interface EchoRequest {
  readonly text: string;
  readonly number: bigint;
  readonly act: string;
  readonly delayMs: number;
  readonly data: Uint8Array;
  readonly mask?: FieldMask | undefined;
}

export interface CountRequest {
  readonly to: number;
  readonly filling: number;
  readonly refuseAt: number;
  readonly hang: boolean;
}

export interface Lab {
  readonly url: string;
  readonly host: string;
  readonly port: number;
  readonly transport: Transport;
  readonly health: Health;
  readonly records: CallRecord<string>[];
  readonly internals: unknown[];
  /** The calls that handlers saw begin, and the signals that were aborted. */
  readonly began: string[];
  readonly aborted: string[];
  /** The streams whose handlers have ended. */
  readonly ended: string[];
  /** Ends the handlers that are held: they go on after their caller has left. */
  readonly held: (() => void)[];
  /** The size of each charged answer of reflection. */
  readonly charged: number[];
  /** Waits until that many calls are recorded. */
  record(count?: number): Promise<CallRecord<string>>;
  stop(): Promise<void>;
}

export interface LabOptions {
  readonly limits?: Partial<TransportLimits>;
  readonly tls?: TlsOptions;
  /** The `admit` of methods that are open to all. */
  readonly anyone?: Admit<string>;
  readonly corsOrigins?: readonly string[];
  readonly httpMounts?: readonly HttpMount<string>[];
  readonly lateMounts?: readonly LateMounts<string>[];
  readonly unknownFields?: "refuse" | "ignore";
  readonly methods?: readonly string[];
  readonly fastPath?: boolean;
}

export async function startLab(options: LabOptions = {}): Promise<Lab> {
  const records: CallRecord<string>[] = [];
  const internals: unknown[] = [];
  const began: string[] = [];
  const aborted: string[] = [];
  const ended: string[] = [];
  const held: (() => void)[] = [];
  const charged: number[] = [];
  const charge: ChargeStranger = (_, bytes) => void charged.push(bytes);
  const health = new Health();
  const reflection = new Reflection(labRegistry);
  let calls = 0;
  const transport = createTransport<string>({
    mounts: [
      labMount(options, { began, aborted, ended, held }),
      healthMount(health, options.anyone ?? (() => "open")),
      ...reflectionMounts(reflection, () => "open", charge),
    ],
    httpMounts: [...healthHttpMounts(health), plainMount, crashMount, ...(options.httpMounts ?? [])],
    ...(options.tls === undefined ? {} : { tls: options.tls }),
    lateMounts: options.lateMounts ?? [],
    corsOrigins: options.corsOrigins ?? [],
    corsHeaders: ["X-Lab"],
    limits: options.limits ?? {},
    fastPath: options.fastPath,
    newCallId: () => `call-${++calls}`,
    finished: (record) => records.push(record),
    logInternal: (error) => internals.push(error),
    health,
    reflection,
  });
  const { host, port, url } = await transport.listen({ host: "127.0.0.1", port: 0 });
  transport.setServing("", true);
  const record = async (count = 1): Promise<CallRecord<string>> => {
    await until(() => records.length >= count, `${count} records; there are ${records.length}`);
    return records[count - 1] as CallRecord<string>;
  };
  const stop = (): Promise<void> => transport.stop({ graceMs: 0 });
  const seen = { records, internals, began, aborted, ended, held, charged };
  return { url, host, port, transport, health, ...seen, record, stop };
}

/** Runs a check against its own lab and stops the lab, whatever happens. */
export async function withLab(options: LabOptions, check: (lab: Lab) => Promise<void>): Promise<void> {
  const lab = await startLab(options);
  try {
    await check(lab);
  } finally {
    await lab.stop();
  }
}

export function labRefusal(): ConnectError {
  const detail = { desc: ErrorInfoSchema, value: { reason: "LAB_REFUSED", domain: "lab", metadata: { why: "asked" } } };
  return new ConnectError("refused as asked: ü", Code.FailedPrecondition, undefined, [detail]);
}

const labPolicy = nativeRestPolicy({ registry: labRegistry });

const plainMount = mountHttp("/plain", ({ method, path, query }) => ({
  status: 200,
  header: { "content-type": "text/plain" },
  body: Buffer.from(`plain ${method} ${path}${query === "" ? "" : `?${query}`}`),
}));

const crashMount = mountHttp("/crash", () => Promise.reject(new Error("a plain handler failed")));

const admit: Admit<string> = async ({ header, method }) => {
  const credential = header.get("authorization");
  if (credential === "Bearer crash") throw new Error("the credential reader broke");
  if (credential === null) throw new ConnectError(`${method.name} needs a credential`, Code.Unauthenticated);
  return credential.replace("Bearer ", "");
};

function labMount(
  options: LabOptions,
  { began, aborted, ended, held }: Pick<Lab, "began" | "aborted" | "ended" | "held">,
): Mount<string> {
  const watch = (call: Call<string>): void => {
    began.push(call.id);
    call.signal.addEventListener("abort", () => aborted.push(String(call.signal.reason)));
  };
  const echo = async (request: EchoRequest, call: Call<string>): Promise<Message> => {
    began.push(call.id);
    call.responseHeader.set("x-lab", "seen");
    call.responseTrailer.set("x-lab-end", "done");
    if (request.act === "hold") await new Promise<void>((resolve) => held.push(resolve));
    await act(request, call, watch);
    const { text, number, mask } = request;
    const paths = mask?.paths ?? [];
    return create(EchoResponseSchema, { text, number, wire: call.wire, admission: call.admission, paths });
  };
  const handlers = {
    echo,
    say: echo,
    upload: async (request: EchoRequest, call: Call<string>) =>
      create(EchoResponseSchema, { text: String(request.data.length), wire: call.wire }),
    count: async function* (request: CountRequest, call: Call<string>) {
      try {
        yield* count(request, call, watch);
      } finally {
        ended.push(call.id);
      }
    },
    download: async () => create(HttpBodySchema, { contentType: "text/csv", data: new TextEncoder().encode("a,b\n") }),
    gather: async function* (requests: AsyncIterable<EchoRequest>, call: Call<string>) {
      const texts: string[] = [];
      for await (const { text } of requests) texts.push(text);
      yield create(EchoResponseSchema, { text: texts.join("+"), wire: call.wire });
    },
    chat: async function* (requests: AsyncIterable<EchoRequest>, call: Call<string>) {
      for await (const request of requests) {
        await act(request, call, watch);
        yield create(EchoResponseSchema, { text: request.text, wire: call.wire });
      }
    },
  };
  const { unknownFields = "refuse", methods } = options;
  const mountOptions = { admit, rest: labPolicy, unknownFields, bodyBytesMax: { upload: 2 * 1024 * 1024 } };
  return mount(LabService, handlers as never, methods === undefined ? mountOptions : { ...mountOptions, methods });
}

async function act(request: EchoRequest, call: Call<string>, watch: (call: Call<string>) => void): Promise<void> {
  switch (request.act) {
    case "refuse":
      throw labRefusal();
    case "accent":
      call.responseHeader.set("x-lab", "caf\u00e9");
      break;
    case "leak":
      throw new ConnectError("a secret of the database", Code.Unknown);
    case "halve":
      throw new ConnectError("half a pair: \ud83c", Code.Aborted);
    case "crash":
      throw new Error("a secret of the database");
    case "hang":
      watch(call);
      await new Promise((_, reject) => call.signal.addEventListener("abort", () => reject(call.signal.reason)));
      break;
    case "sleep":
      await new Promise((resolve) => setTimeout(resolve, request.delayMs));
      break;
    default:
  }
}

async function* count(
  request: CountRequest,
  call: Call<string>,
  watch: (call: Call<string>) => void,
): AsyncGenerator<Message> {
  watch(call);
  call.responseTrailer.set("x-lab-end", "done");
  const filling = "x".repeat(request.filling);
  for (let number = 1; number <= request.to; number++) {
    if (number === request.refuseAt) throw labRefusal();
    yield create(CountResponseSchema, { number, filling });
  }
  if (request.hang) {
    await new Promise<void>((resolve) => {
      call.signal.addEventListener("abort", () => resolve());
    });
  }
}
