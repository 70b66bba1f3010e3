/** `grpc.health.v1` and its plain HTTP form: which services are serving, and watchers that see each change. */
import { create } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import {
  type HealthCheckResponse,
  HealthCheckResponseSchema,
  Health as HealthService,
  HealthCheckResponse_ServingStatus as Status,
} from "../../../gen/grpc/health/v1/health_pb.ts";
import { type Admit, type Call, type HttpAnswer, type HttpMount, type Mount, mount, mountHttp } from "../mount.ts";

/** The serving state. The empty name is the whole server: while it is not serving, none of its services is. */
export class Health {
  readonly #serving = new Map<string, boolean>([["", false]]);
  readonly #watchers = new Set<() => void>();
  #stopped: boolean = false;
  #why: string | undefined;

  /** Adds a service. It is serving as soon as the whole server is. */
  register(service: string): void {
    if (!this.#serving.has(service)) this.#serving.set(service, true);
  }

  /** Sets the state of a service. `why`: one line for `/readyz` that says why the whole server is not serving. */
  setServing(service: string, serving: boolean, why?: string): void {
    if (service === "") this.#why = serving ? undefined : why;
    this.#serving.set(service, serving && !this.#stopped);
    this.#notify();
  }

  /** Sets everything to not serving, and ends watches once they have reported it. */
  stop(): void {
    this.#stopped = true;
    this.setServing("", false);
  }

  /** The text of `/readyz`. */
  get summary(): string {
    if (this.isServing("") === true) return "ok";
    return this.#why === undefined ? "not serving" : `not serving: ${this.#why}`;
  }

  /** Returns whether a service is serving; undefined if it is unknown. */
  isServing(service: string): boolean | undefined {
    const own = this.#serving.get(service);
    return own === undefined ? undefined : own && this.#serving.get("") === true;
  }

  /** Yields the present status at once, then each change, until the caller goes away or the service stops. */
  async *watch(service: string, signal: AbortSignal): AsyncGenerator<Status, undefined, undefined> {
    let last: Status | undefined;
    while (!signal.aborted) {
      const status = toStatus(this.isServing(service));
      if (status !== last) {
        last = status;
        yield status;
      } else if (this.#stopped) {
        return;
      } else {
        await this.#change(signal);
      }
    }
  }

  #notify(): void {
    for (const wake of this.#watchers) wake();
  }

  #change(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        this.#watchers.delete(wake);
        signal.removeEventListener("abort", wake);
        resolve();
      };
      this.#watchers.add(wake);
      signal.addEventListener("abort", wake);
    });
  }
}

/** Returns the mount of `grpc.health.v1`. */
export function healthMount<A>(health: Health, admit: Admit<A>): Mount<A> {
  return mount<typeof HealthService, A>(
    HealthService,
    {
      check: async ({ service }) => {
        const serving = health.isServing(service);
        if (serving === undefined) {
          throw new ConnectError(`there is no service "${service.slice(0, 100)}" here`, Code.NotFound);
        }
        return toResponse(toStatus(serving));
      },
      watch: ({ service }, call) => watch(health, service, call),
    },
    { admit, unknownFields: "refuse" },
  );
}

/** Returns the plain mounts: `GET /healthz` says that the process answers, `GET /readyz` that it is serving. */
export function healthHttpMounts(health: Health): HttpMount[] {
  return [
    mountHttp("/healthz", ({ method }) => answer(method, true, "ok")),
    mountHttp("/readyz", ({ method }) => answer(method, health.isServing("") === true, health.summary)),
  ];
}

async function* watch<A>(
  health: Health,
  service: string,
  call: Call<A>,
): AsyncGenerator<HealthCheckResponse, undefined, undefined> {
  for await (const status of health.watch(service, call.signal)) yield toResponse(status);
}

function toStatus(serving: boolean | undefined): Status {
  if (serving === undefined) return Status.SERVICE_UNKNOWN;
  return serving ? Status.SERVING : Status.NOT_SERVING;
}

function toResponse(status: Status): HealthCheckResponse {
  return create(HealthCheckResponseSchema, { status });
}

function answer(method: string, well: boolean, summary: string): HttpAnswer {
  const allowed = method === "GET" || method === "HEAD";
  const text = allowed ? `${summary}\n` : `${method} is not served here; GET and HEAD are\n`;
  const header = { "content-type": "text/plain", "cache-control": "no-store" };
  return {
    status: allowed ? (well ? 200 : 503) : 405,
    header: allowed ? header : { ...header, allow: "GET, HEAD" },
    body: Buffer.from(text),
  };
}
