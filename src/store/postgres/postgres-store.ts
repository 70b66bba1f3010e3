/** The store on a PostgreSQL database that any number of replicas share. */
import { setTimeout } from "node:timers/promises";
import type { ApiKey } from "../../domain/api-key.ts";
import type { Organization } from "../../domain/organization.ts";
import type { StoredPolicy } from "../../domain/policy.ts";
import type { Session } from "../../domain/session.ts";
import type { User } from "../../domain/user.ts";
import { GroupCommit } from "../commit/group-commit.ts";
import { type EngineParts, EngineStore } from "../engine-store.ts";
import { StoreUnavailableError } from "../errors.ts";
import { StoreHistory } from "../history/store-history.ts";
import { type Limits, limitsOf } from "../limits.ts";
import { Tail } from "../log/tail.ts";
import { TailLog } from "../log/tail-log.ts";
import type { ApiKeyName, SessionKey, SessionReading, SignInKey, SignInView } from "../queries.ts";
import { UserSearches } from "../search/search-users.ts";
import type { StoreStats } from "../stats.ts";
import type { LogReader, OpenedStore, StoreOptions } from "../store.ts";
import { SWEEP_INTERVAL_MS } from "../upkeep/sweeper.ts";
import { type HeadReading, HeadWatch } from "./live/head-watch.ts";
import { LiveReads } from "./live/live-reads.ts";
import { ServerClock } from "./live/server-clock.ts";
import { Upkeep } from "./live/upkeep.ts";
import { type OpenedDatabase, openDatabase, type PostgresOptions } from "./open-database.ts";
import { Reader } from "./read/reader.ts";
import { SCHEMA_VERSION } from "./schema/migrations.ts";
import { readStats, type StatsSources } from "./store-stats.ts";
import { createActivity, createEraser, createShadows, createSweeper, touchApiKeys } from "./write/housekeeping.ts";
import { Writer } from "./write/writer.ts";

export interface PostgresStoreOptions extends StoreOptions, PostgresOptions {}

/** A batch ends at Limits.batchCommands and at 16 more for each millisecond that the last COMMIT took, up to 1,000. */
const BATCH_COMMANDS = { perCommitMs: 16, most: 1_000 } as const;
/** How long a stop waits for what was accepted, and then for what is under way, in milliseconds. */
const CLOSE_MS_MAX = 3_000;
const CUT_MS = 1_000;
/** A database that does not answer for so long cannot be used, in milliseconds. */
const CHECK_MS_MAX = 2_000;

/** Opens and migrates a database. Rejects with one plain sentence when the database or the clock cannot be used. */
export async function openPostgresStore(options: PostgresStoreOptions): Promise<PostgresStore> {
  const opened = await openDatabase(options);
  try {
    return new PostgresStore(options, opened);
  } catch (error) {
    await opened.close();
    throw error;
  }
}

export class PostgresStore extends EngineStore implements OpenedStore {
  override readonly system = "postgresql";
  override readonly generation: number;
  readonly schemaVersion = SCHEMA_VERSION;
  override readonly tail: Tail;
  protected override readonly parts: EngineParts;
  readonly history: StoreHistory;
  readonly log: LogReader;
  readonly #opened: OpenedDatabase;
  readonly #clock: ServerClock;
  readonly #watch: HeadWatch;
  readonly #writer: Writer;
  readonly #live: LiveReads;
  readonly #upkeep: Upkeep;
  readonly #measured: StatsSources;
  #closing: Promise<void> | undefined;

  constructor(options: PostgresStoreOptions, opened: OpenedDatabase) {
    super();
    const limits = limitsOf(options.limits);
    const { onCommit, onTrouble = () => undefined, sweepIntervalMs: intervalMs = SWEEP_INTERVAL_MS } = options;
    const { pool, head, generation, signer, seal } = opened;
    this.#opened = opened;
    this.generation = generation;
    this.#clock = new ServerClock(options);
    const { timeOf } = this.#clock;
    const now = (): number => this.#clock.now();
    const latest = (session: Session): Session => activity.known(session);
    const readLog = (after: number, limit: number) => reader.readLog(after, limit);
    const tail = new Tail({ position: head.position, readLog, onTrouble });
    this.tail = tail;
    this.#upkeep = new Upkeep({ pool, generation, now, onTrouble });
    const onReading = (reading: HeadReading): void => {
      timeOf(reading);
      this.#upkeep.assertCurrent(reading);
    };
    this.#watch = new HeadWatch({ pool, tail: this.tail, head, onReading, onTrouble });
    this.#writer = new Writer({
      link: opened.writerPool,
      assertCurrent: (before) => this.#upkeep.assertCurrent(before, "NOT_APPLIED"),
      timeOf,
      activity: latest,
      onWritten: (before, events) => this.#watch.written(before, events),
      onUnknown: () => this.tail.lose(),
      onCommit,
    });
    this.#live = new LiveReads({
      pool,
      generation,
      timeOf,
      activity: latest,
      seen: (reading) => this.#watch.seen(reading),
    });
    const housekeeping = { writer: this.#writer, pool, now, intervalMs, onTrouble };
    const activity = createActivity(housekeeping);
    const shadows = createShadows(housekeeping);
    const commits = new GroupCommit({
      run: this.#writer.run,
      ...{ limits, wallClock: Date.now, onTrouble, onBatch: options.onBatch },
      batchCommands: () => this.#batchCommands(limits),
    });
    const reader = new Reader({ pool: opened.listPool, limits, seal });
    this.history = new StoreHistory(reader, signer);
    this.log = new TailLog(this.tail, seal, (position) => this.#live.markedHead(position));
    const searches = new UserSearches({ reader, limits, now });
    const eraser = createEraser(housekeeping);
    const sweeper = createSweeper({
      ...housekeeping,
      ...{ limits, reader, tail, eraser, signer, checkpointMs: options.checkpointMs },
      mayRun: () => this.#upkeep.mayRun(),
      execute: (command, executeOptions) => this.execute(command, executeOptions),
    });
    this.#measured = {
      pools: [pool, opened.listPool],
      commits,
      writer: this.#writer,
      clock: this.#clock,
      sweepLagMs: () => this.#upkeep.sweepLagMs,
      openWork: () => this.#upkeep.openWork,
      ...{ now, signs: signer !== undefined },
    };
    const { traces } = options;
    this.parts = { commits, reader, searches, activity, shadows, eraser, sweeper, traces, now };
  }

  /** What a read of the database finds newer than its followers is told to them before it is answered. */
  catchUp(): void {}

  refresh(): Promise<void> {
    return this.#watch.refresh();
  }

  readUser(userId: string): Promise<User | undefined> {
    return this.#live.user(userId);
  }

  async readSession(key: SessionKey, { touch }: { readonly touch: boolean }): Promise<SessionReading | undefined> {
    const found = await this.#live.session(key);
    // The other replicas know only what is written.
    if (touch && found?.status === "ACTIVE") await this.parts.activity.noteShared(found.session, found.now);
    return found;
  }

  readSignIn(key: SignInKey): Promise<SignInView | undefined> {
    return this.#live.signIn(key);
  }

  findByIdentifier(organizationId: string, identifier: string): Promise<readonly string[]> {
    return this.#live.identified(organizationId, identifier);
  }

  readPolicy(policyId: string): Promise<StoredPolicy | undefined> {
    return this.#live.policy(policyId);
  }

  readOrganization(organizationId: string): Promise<Organization | undefined> {
    return this.#live.organization(organizationId);
  }

  loadApiKeys(): Promise<readonly ApiKey[]> {
    return this.#live.effectiveApiKeys(this.#clock.now());
  }

  readApiKey(name: ApiKeyName): Promise<ApiKey | undefined> {
    return this.#live.apiKey(name);
  }

  async touchApiKeys(days: ReadonlyMap<string, string>): Promise<void> {
    if (days.size > 0) await touchApiKeys(this.#writer, days);
  }

  async check(): Promise<void> {
    this.#upkeep.assertCurrent();
    const late = setTimeout(CHECK_MS_MAX, undefined, { ref: false }).then(() => {
      throw new StoreUnavailableError(`the database does not answer within ${CHECK_MS_MAX} ms`, undefined);
    });
    await Promise.race([Promise.all([this.#live.head(), this.#writer.probe()]), late]);
    this.#clock.assertNear();
  }

  stats(): StoreStats {
    return readStats(this.#measured);
  }

  get clockBehindMs(): number {
    return this.#clock.behindMs;
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const isClosed = new AbortController();
    // A database that hangs must not hold the process: what is not written by then is refused.
    setTimeout(CLOSE_MS_MAX, undefined, { signal: isClosed.signal }).then(
      () => this.#opened.close(CUT_MS),
      () => undefined,
    );
    this.#watch.close();
    await this.parts.sweeper.stop();
    await this.parts.commits.close();
    await this.parts.activity.close();
    await this.#upkeep.close();
    await this.#opened.close();
    isClosed.abort();
  }

  protected override async confirmed<T>(read: Promise<T>): Promise<T> {
    const found = await read;
    await this.#watch.seen(await this.#live.head());
    return found;
  }

  #batchCommands({ batchCommands }: Limits): number {
    const { perCommitMs, most } = BATCH_COMMANDS;
    const { lastCommitMs, commandsMax } = this.#writer;
    return Math.min(most, Math.max(batchCommands, Math.min(commandsMax, batchCommands + perCommitMs * lastCommitMs)));
  }
}
