/** `grpc.health.v1` and its plain HTTP form: what is served, and who is told when that changes. */
import { create } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import {
  type HealthCheckResponse,
  HealthCheckResponseSchema,
  Health as HealthService,
  HealthCheckResponse_ServingStatus as Status,
} from "../../../gen/grpc/health/v1/health_pb.ts";
import { type Admit, type Call, type HttpAnswer, type HttpMount, type Mount, mount, mountHttp } from "../mount.ts";

/** The empty name stands for the whole server: while it does not serve, none of its services does. */
export class Health {
  readonly #serving = new Map<string, boolean>([["", false]]);
  readonly #watchers = new Set<() => void>();
  #stopped: boolean = false;
  #why: string | undefined;

  /** Makes a service known. It serves as soon as the whole server does. */
  register(service: string): void {
    if (!this.#serving.has(service)) this.#serving.set(service, true);
  }

  /** `why`: one line for `/readyz` about why the whole server does not serve. */
  setServing(service: string, serving: boolean, why?: string): void {
    if (service === "") this.#why = serving ? undefined : why;
    this.#serving.set(service, serving && !this.#stopped);
    this.#notify();
  }

  /** Nothing is served any more, and watchers are let go once they know. */
  stop(): void {
    this.#stopped = true;
    this.setServing("", false);
  }

  /** What `/readyz` says. */
  get summary(): string {
    if (this.isServing("") === true) return "ok";
    return this.#why === undefined ? "not serving" : `not serving: ${this.#why}`;
  }

  /** Absent: there is no such service here. */
  isServing(service: string): boolean | undefined {
    const own = this.#serving.get(service);
    return own === undefined ? undefined : own && this.#serving.get("") === true;
  }

  /** The present status at once, then each change, until the caller goes away or the service stops. */
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

/** `GET /healthz`: the process answers. `GET /readyz`: it serves. */
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
