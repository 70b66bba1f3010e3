/** Lets other threads use the store of this one, each through a port of its own. */
import { MessageChannel, type MessagePort, type Transferable } from "node:worker_threads";
import { NumberTable } from "../../number-table.ts";
import { toErrorData } from "../error-data.ts";
import { StoreUnavailableError } from "../errors.ts";
import type { ReadOptions } from "../queries.ts";
import type { Backup, OpenedStore, Store } from "../store.ts";
import type { Answered, Asked, BackupPiece, BegunBackup, CallName, Calls, RemoteStoreData } from "./messages.ts";
import { Outbox } from "./outbox.ts";
import { FeedSender } from "./remote-feed.ts";
import { LogReadings } from "./remote-log.ts";

/** The store of this thread; its engine may let other threads read by themselves. */
type HostedStore = Store & Pick<OpenedStore, "localReads">;

/** What starts a thread that uses the store: options of `new Worker`, to be merged with others. */
export interface RemoteStoreSeed {
  readonly workerData: RemoteStoreData;
  readonly transferList: readonly Transferable[];
}

/**
 * Serves a store to other threads. In the thread that opened the store:
 *
 *     const host = new StoreHost(store);
 *     const seed = host.attach();
 *     new Worker(url, { workerData: { store: seed.workerData, … }, transferList: [...seed.transferList, …] });
 *
 * and in the other one: `const store = await openRemoteStore(workerData.store, { clock })`. It is the same `Store`, with the same
 * errors. A thread that ends fails none of the others: what it asked for is cancelled, and what it wrote stands.
 */
export class StoreHost {
  readonly #store: HostedStore;
  readonly #threads: number;
  readonly #clients = new Set<Client>();

  /** `threads`: how many will use the store at once, at least 1. */
  constructor(store: HostedStore, threads: number = 1) {
    this.#store = store;
    this.#threads = threads;
  }

  /** Opens a port for one more thread. */
  attach(): RemoteStoreSeed {
    const { port1, port2 } = new MessageChannel();
    const { port1: feedPort, port2: feed } = new MessageChannel();
    const count = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT);
    const client = new Client(this.#store, port1);
    this.#clients.add(client);
    const unfollow = this.#store.follow(new FeedSender(feedPort, count));
    port1.on("close", () => {
      unfollow();
      feedPort.close();
      client.end();
      this.#clients.delete(client);
    });
    // A thread that asks nothing keeps no process alive.
    port1.unref();
    const { generation, schemaVersion, system, localReads, refresh, createBackup } = this.#store;
    const workerData = {
      port: port2,
      feed: { port: feed, count },
      generation,
      schemaVersion,
      system,
      ...(localReads === undefined ? {} : { localReads }),
      threads: this.#threads,
      isShared: refresh !== undefined,
      hasBackups: createBackup !== undefined,
    };
    return { workerData, transferList: [port2, feed] };
  }

  /** Ends every thread's use of the store. Their open calls fail; close the stores of the threads first. */
  close(): void {
    for (const client of this.#clients) client.close();
  }
}

/** One thread that uses the store. */
class Client {
  readonly #store: Store;
  readonly #port: MessagePort;
  readonly #outbox: Outbox<Answered>;
  readonly #open = new NumberTable<AbortController>();
  readonly #backups = new Map<number, OpenBackup>();
  readonly #readings: LogReadings;
  #isEnded: boolean = false;

  constructor(store: Store, port: MessagePort) {
    this.#store = store;
    this.#readings = new LogReadings(store.log);
    this.#port = port;
    // Runs when all promises that were resolved in this turn have run their callbacks: a batch's answers make one message.
    this.#outbox = new Outbox(port, process.nextTick);
    port.on("message", (asked: readonly Asked[]) => {
      for (const each of asked) this.#take(each);
    });
  }

  close(): void {
    this.#port.close();
  }

  /** The port is closed, by whichever side: cancels what is still open. */
  end(): void {
    this.#isEnded = true;
    this.#open.forEach((controller) => {
      controller.abort();
    });
    for (const { backup } of this.#backups.values()) backup.close();
    this.#backups.clear();
    this.#readings.closeAll();
  }

  #take(asked: Asked): void {
    const [id, name, parameters] = asked;
    if (name === undefined) {
      this.#open.get(id)?.abort();
      return;
    }
    this.#answer(id, name, parameters).then(
      (value) =>
        this.#outbox.push([id, true, value], name === "nextChunk" ? bufferOf(value as BackupPiece) : undefined),
      (error: unknown) => this.#outbox.push([id, false, toErrorData(error)]),
    );
  }

  async #answer(id: number, name: CallName, parameters: readonly unknown[]): Promise<unknown> {
    // The thread sends the parameters that `Calls` has for the name.
    const call = CALLS[name] as (client: ClientOfCall, parameters: readonly unknown[]) => Promise<unknown>;
    const readOptions = (): ReadOptions => {
      const controller = new AbortController();
      this.#open.set(id, controller);
      return controller;
    };
    try {
      const [backups, readings] = [this.#backups, this.#readings];
      const isEnded = (): boolean => this.#isEnded;
      return await call({ store: this.#store, id, backups, readings, readOptions, isEnded }, parameters);
    } finally {
      this.#open.delete(id);
    }
  }
}

interface OpenBackup {
  readonly backup: Backup;
  readonly chunks: AsyncGenerator<Uint8Array, Uint8Array, undefined>;
}

interface ClientOfCall {
  readonly store: Store;
  /** The number of the call. */
  readonly id: number;
  readonly backups: Map<number, OpenBackup>;
  readonly readings: LogReadings;
  /** Returns the options of a list that the thread can cancel. */
  readonly readOptions: () => ReadOptions;
  /** Whether the thread has gone. */
  readonly isEnded: () => boolean;
}

type Call<N extends CallName> = (client: ClientOfCall, parameters: Calls[N]) => Promise<unknown>;

const CALLS: { readonly [N in CallName]: Call<N> } = {
  refresh: async ({ store }) => store.refresh?.(),
  now: ({ store }) => store.now(),
  execute: ({ store }, parameters) => store.execute(...parameters),
  readUser: ({ store }, parameters) => store.readUser(...parameters),
  listUsers: ({ store, readOptions }, [query]) => store.listUsers(query, readOptions()),
  searchUsers: ({ store, readOptions }, [search, options]) =>
    store.searchUsers(search, { ...options, ...readOptions() }),
  listUserEvents: ({ store, readOptions }, [query]) => store.listUserEvents(query, readOptions()),
  listEvents: ({ store, readOptions }, [query]) => store.listEvents(query, readOptions()),
  openCursor: ({ store }, [cursor]) => store.log.open(cursor),
  readLog: ({ readings }, parameters) => readings.next(...parameters),
  closeLog: async ({ readings }, [reader]) => readings.close(reader),
  readSession: ({ store }, parameters) => store.readSession(...parameters),
  noteUses: async ({ store }, parameters) => store.noteUses(...parameters),
  listSessions: ({ store, readOptions }, [query]) => store.listSessions(query, readOptions()),
  readSignIn: ({ store }, parameters) => store.readSignIn(...parameters),
  findByIdentifier: ({ store }, parameters) => store.findByIdentifier(...parameters),
  shadowOf: ({ store }, parameters) => store.shadowOf(...parameters),
  readPolicy: ({ store }, parameters) => store.readPolicy(...parameters),
  listAttempts: ({ store, readOptions }, [query]) => store.listAttempts(query, readOptions()),
  readOrganization: ({ store }, parameters) => store.readOrganization(...parameters),
  listOrganizations: ({ store }, parameters) => store.listOrganizations(...parameters),
  loadApiKeys: ({ store }) => store.loadApiKeys(),
  readApiKey: ({ store }, parameters) => store.readApiKey(...parameters),
  listApiKeys: ({ store }, parameters) => store.listApiKeys(...parameters),
  touchApiKeys: ({ store }, parameters) => store.touchApiKeys(...parameters),
  historyHead: ({ store }) => store.history.head(),
  signHead: ({ store }, parameters) => store.history.sign(...parameters),
  historySlice: ({ store }, parameters) => store.history.slice(...parameters),
  verifyHistory: ({ store }, parameters) => store.history.verify(...parameters),
  listCheckpoints: ({ store, readOptions }, [query]) => store.history.checkpoints(query, readOptions()),
  verifierKeys: ({ store }) => store.history.verifierKeys(),
  check: ({ store }) => store.check(),
  async beginBackup({ store, id, backups, isEnded }): Promise<BegunBackup> {
    const backup = await store.createBackup?.();
    if (backup === undefined) throw new StoreUnavailableError("the store makes no backups", undefined);
    if (isEnded()) {
      // Nobody is left who would read or close it.
      backup.close();
      throw new StoreUnavailableError("the thread has ended", undefined);
    }
    backups.set(id, { backup, chunks: backup.chunks() });
    return { backup: id, info: backup.info };
  },
  async nextChunk({ backups }, [id]): Promise<BackupPiece> {
    const open = backups.get(id);
    if (open === undefined) throw new StoreUnavailableError("the backup was closed", undefined);
    const { done = false, value } = await open.chunks.next();
    if (done) backups.delete(id);
    // A piece is valid until the next one is requested, so the thread gets a copy.
    return { done, bytes: new Uint8Array(value) };
  },
  async closeBackup({ backups }, [id]): Promise<void> {
    backups.get(id)?.backup.close();
    backups.delete(id);
  },
};

/** The buffer of a piece is handed over instead of copied once more. */
function bufferOf({ bytes }: BackupPiece): ArrayBuffer {
  return bytes.buffer;
}
