/** Requests for mounts that are still being loaded wait for them; the others pass at once. */
import { setImmediate } from "node:timers/promises";
import { Code } from "@connectrpc/connect";
import { RestError } from "../transcoding/rest-error.ts";
import type { Exchange } from "./exchange/exchange.ts";
import type { LateMounts } from "./mount.ts";
import type { MountedProtocols } from "./mounted.ts";

interface PendingMounts {
  readonly owns: (path: string) => boolean;
  readonly loaded: Promise<void>;
}

export class LateMountLoader<A> {
  /** Resolves when all are there; rejects when one cannot be loaded. */
  readonly loaded: Promise<void>;
  readonly #begun = Promise.withResolvers<void>();
  #waiting: PendingMounts[] = [];
  readonly #protocols: MountedProtocols<A>;

  constructor(lateMounts: readonly LateMounts<A>[], protocols: MountedProtocols<A>) {
    this.#protocols = protocols;
    const all = lateMounts.map(({ owns, load }) => {
      const loaded = this.#load(load, protocols);
      const late = { owns, loaded };
      this.#waiting.push(late);
      loaded.then(
        () => {
          this.#waiting = this.#waiting.filter((each) => each !== late);
        },
        // Whoever waits is told; so is whoever asks `loaded`.
        () => undefined,
      );
      return loaded;
    });
    this.loaded = Promise.all(all).then(() => undefined);
    this.loaded.catch(() => undefined);
  }

  /** The transport listens: now there is time. */
  begin(): void {
    this.#begun.resolve();
  }

  /** Leads the exchange on, at once unless a mount that it needs is not there yet. */
  whenLoaded(exchange: Exchange, serve: (exchange: Exchange) => void): void {
    const late = this.#waiting.find(({ owns }) => owns(exchange.path));
    if (late === undefined) {
      serve(exchange);
      return;
    }
    late.loaded.then(
      () => {
        if (!exchange.over) serve(exchange);
      },
      () => {
        const text = "this part of the service could not be loaded";
        this.#protocols.refuse(exchange, new RestError(text, Code.Unavailable, 503));
      },
    );
  }

  async #load(load: LateMounts<A>["load"], protocols: MountedProtocols<A>): Promise<void> {
    await this.#begun.promise;
    // What listening has brought is served first.
    await setImmediate();
    protocols.add(await load());
  }
}
