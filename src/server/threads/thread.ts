/** The entry of a serving thread: serves the connections that the main thread accepts, over the store of the main thread. */
import { randomUUIDv7 } from "node:crypto";
import type { Socket } from "node:net";
import { type MessagePort, parentPort, workerData } from "node:worker_threads";
import { createLog } from "../../observability/log.ts";
import { Metrics } from "../../observability/metrics.ts";
import { openTraces } from "../../observability/open-traces.ts";
import { writeWholeLines } from "../../observability/standard-error.ts";
import { openRemoteStore } from "../../store/open-store.ts";
import { monotonicTime } from "../../store/upkeep/steady-clock.ts";
import { followSteadyClock } from "../../store/upkeep/thread-clock.ts";
import type { Transport } from "../../transport/transport.ts";
import { readVersion } from "../../version.ts";
import { describe } from "../describe.ts";
import { createServing } from "../serving/serving.ts";
import { enabledDialects } from "../settings.ts";
import { ConnectionTimes } from "./connection-times.ts";
import type { FromThread, ThreadData, ToThread } from "./messages.ts";
import { ThreadAsks } from "./thread-asks.ts";

async function serveThread(port: MessagePort, data: ThreadData): Promise<void> {
  const { config, issuers, tls } = data;
  const post = (message: FromThread): void => port.postMessage(message);
  const log = createLog({
    level: config.logLevel,
    format: config.logFormat,
    clock: Date.now,
    sink: writeWholeLines,
  });
  // An error that nobody catches ends the thread in the turn in which it is thrown, before the log writes its lines.
  process.on("exit", log.flush);
  const metrics = new Metrics({ version: readVersion() });
  const onTrouble = (error: unknown): void => {
    metrics.trouble();
    log.write("error", "store trouble", { cause: describe(error) });
  };
  // What is wrong with the settings of traces was reported by the main thread.
  const traces = await openTraces({ version: readVersion(), log, warn: () => undefined });
  const clock = followSteadyClock(data.clock, { wall: Date.now, monotonic: monotonicTime });
  const asks = new ThreadAsks(port);
  const store = await openRemoteStore(data.store, { clock, traces, onTrouble });
  const connections = new Connections(new ConnectionTimes(data.times), post);
  const serving = await createServing({
    config,
    enabled: enabledDialects(config),
    issuers,
    ...(tls && { tls }),
    connectionsMax: Number.POSITIVE_INFINITY,
    store,
    clock,
    newId: randomUUIDv7,
    metrics,
    exposition: { contentType: metrics.contentType, ...asks.exposition },
    counts: asks.counts,
    attempts: asks.attempts,
    lists: asks.lists,
    streams: asks.streams,
    onAdmitted: (socket) => connections.mark(socket),
    log,
    traces,
    onTrouble,
  });
  const { transport } = serving;
  const finish = async (graceMs: number): Promise<void> => {
    await transport.finish({ graceMs });
    await serving.close();
    await store.close();
    await traces?.close();
  };
  const end = async (graceMs: number): Promise<void> => {
    try {
      await finish(graceMs);
    } catch (error) {
      log.write("error", "a serving thread could not finish", { cause: describe(error) });
    }
    log.flush();
    post({ kind: "finished" });
  };
  transport.setServing("", data.serving.serving, data.serving.why);
  port.on("message", (message: ToThread) => take(message, { asks, connections, transport, metrics, post, end }));
  transport.begin();
  transport.loaded.then(
    () => post({ kind: "loaded" }),
    (error: unknown) => post({ kind: "not loaded", cause: describe(error) }),
  );
  post({ kind: "ready" });
}

/** What the messages of the main thread are for. */
interface Parts {
  readonly asks: ThreadAsks;
  readonly connections: Connections;
  readonly transport: Transport;
  readonly metrics: Metrics;
  readonly post: (message: FromThread) => void;
  /** Lets open calls finish, closes everything and says so. */
  readonly end: (graceMs: number) => Promise<void>;
}

function take(message: ToThread, { asks, connections, transport, metrics, post, end }: Parts): void {
  switch (message.kind) {
    case "connection":
      connections.add(message.socket, message.slot);
      transport.serveConnection(message.socket);
      return;
    case "close":
      connections.close(message.slot);
      return;
    case "serving":
      transport.setServing("", message.serving, message.why);
      return;
    case "tls":
      transport.renewTls(message.tls);
      return;
    case "leave":
      transport.leave();
      return;
    case "finish":
      void end(message.graceMs);
      return;
    case "figures":
      post({ kind: "figures", figures: metrics.figures, requests: transport.load.requests });
      return;
    case "answer":
      asks.settle(message.id, message);
      return;
    default:
      message satisfies never;
  }
}

/** The connections of this thread, by the slots that the main thread gave them. */
class Connections {
  readonly #times: ConnectionTimes;
  readonly #post: (message: FromThread) => void;
  readonly #sockets = new Map<number, Socket>();
  readonly #slots = new WeakMap<Socket, number>();

  constructor(times: ConnectionTimes, post: (message: FromThread) => void) {
    this.#times = times;
    this.#post = post;
  }

  add(socket: Socket, slot: number): void {
    this.#sockets.set(slot, socket);
    this.#slots.set(socket, slot);
    socket.once("close", () => {
      this.#sockets.delete(slot);
      this.#slots.delete(socket);
      this.#post({ kind: "closed", slot });
    });
  }

  /** A call was admitted on this connection. */
  mark(socket: Socket): void {
    const slot = this.#slots.get(socket);
    if (slot !== undefined) this.#times.mark(slot);
  }

  close(slot: number): void {
    this.#sockets.get(slot)?.destroy();
  }
}

if (parentPort === null) throw new Error("this module runs in a worker thread alone");
await serveThread(parentPort, workerData as ThreadData);
