/** Starts serving threads over a store that this thread has opened. */
import { LocalCounts } from "../../auth/caller-counts.ts";
import { ListLanes } from "../../service/list-lanes.ts";
import { LocalAttemptQueue } from "../../service/operations/attempt-waiters.ts";
import { StoreHost } from "../../store/remote/store-host.ts";
import type { ServingParts } from "../serving/serving.ts";
import { ServingThreads, type ThreadedTransport } from "./serving-threads.ts";

/** What serves calls in threads. */
export interface Threads {
  readonly transport: ThreadedTransport;
  readonly isServing: () => boolean;
  /** Ends the threads' use of the store; call it when they have stopped. */
  close(): Promise<void>;
}

/**
 * Rejects if a thread cannot be started. `steady`: the memory of the SteadyClock that the store has. `giveUp` is called when threads end
 * again and again.
 */
export async function startThreads(
  { config, issuers, tls, connectionsMax, store, clock, streams, metrics, log }: ServingParts,
  steady: SharedArrayBuffer,
  giveUp: (why: string) => void = () => undefined,
): Promise<Threads> {
  const { threads, rateLimitAddress: addressRate, rateLimitCaller: callerRate } = config;
  const host = new StoreHost(store, threads);
  const transport = await ServingThreads.start({
    threads,
    data: { config, issuers, tls, clock: steady },
    connectionsMax,
    host,
    parts: {
      counts: new LocalCounts({ clock, addressRate, callerRate }),
      attempts: new LocalAttemptQueue(store),
      lists: new ListLanes(),
      streams,
      metrics: () => metrics.text(),
    },
    log,
    absorb: (figures) => metrics.absorb(figures),
    giveUp,
  });
  metrics.watchThreads(() => transport.figures());
  return {
    transport,
    isServing: () => transport.isServing,
    close: async () => host.close(),
  };
}
