/** Loads expensive mounts after the port is open; requests for them wait, all others are served at once. */
import { setImmediate } from "node:timers/promises";
import { Code } from "@connectrpc/connect";
import { RestError } from "../transcoding/rest-error.ts";
import type { Exchange } from "./exchange/exchange.ts";
import type { LateMounts } from "./mount.ts";
import type { MountedProtocols } from "./mounted.ts";

/** Mounts that are still being loaded. */
interface PendingMounts {
  readonly owns: (path: string) => boolean;
  readonly loaded: Promise<void>;
}

/** Loads the late mounts of a transport. */
export class LateMountLoader<A> {
  /** Resolves when all are loaded; rejects when one cannot be loaded. */
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
        // The waiting requests are answered below, and `loaded` rejects.
        () => undefined,
      );
      return loaded;
    });
    this.loaded = Promise.all(all).then(() => undefined);
    this.loaded.catch(() => undefined);
  }

  /** Starts to load. Called once the transport listens. */
  begin(): void {
    this.#begun.resolve();
  }

  /** Serves the exchange: at once, or when the mount that it needs is loaded. */
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
    // Requests that arrived with the first connections are served first.
    await setImmediate();
    protocols.add(await load());
  }
}
