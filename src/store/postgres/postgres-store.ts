/** The store on a PostgreSQL database that any number of replicas share. */
import { setTimeout } from "node:timers/promises";
import type { ApiKey } from "../../domain/api-key.ts";
import type { Attempt } from "../../domain/attempt.ts";
import type { Organization } from "../../domain/organization.ts";
import type { StoredPolicy } from "../../domain/policy.ts";
import type { Session } from "../../domain/session.ts";
import type { User } from "../../domain/user.ts";
import type { Traces } from "../../observability/traces.ts";
import type { Command, ExecuteOptions, Outcome } from "../commands.ts";
import { GroupCommit, type GroupCommitCounts } from "../commit/group-commit.ts";
import { traceCommand } from "../commit/trace-command.ts";
import { StoreUnavailableError } from "../errors.ts";
import { StoreHistory } from "../history/store-history.ts";
import { type Limits, limitsOf } from "../limits.ts";
import { showSessions } from "../lists/list-reader.ts";
import { Tail } from "../log/tail.ts";
import { TailLog } from "../log/tail-log.ts";
import type {
  ApiKeyName,
  AttemptQuery,
  EventQuery,
  ListedEvent,
  LogPage,
  LogQuery,
  Page,
  ReadOptions,
  SearchOptions,
  SessionKey,
  SessionQuery,
  SessionReading,
  SessionView,
  SignInKey,
  SignInView,
  UnknownName,
  UserQuery,
  UserSearch,
  UserSearchAnswer,
} from "../queries.ts";
import { UserSearches } from "../search/search-users.ts";
import type { StoreStats } from "../stats.ts";
import type { Follower, LogReader, OpenedStore, SessionUse, StoreOptions } from "../store.ts";
import type { Eraser } from "../upkeep/eraser.ts";
import type { SessionActivity } from "../upkeep/session-activity.ts";
import type { Shadows } from "../upkeep/shadows.ts";
import { SWEEP_INTERVAL_MS, type Sweeper } from "../upkeep/sweeper.ts";
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

export class PostgresStore implements OpenedStore {
  readonly system = "postgresql";
  readonly generation: number;
  readonly schemaVersion = SCHEMA_VERSION;
  /** The reading of the log by which everything in this process learns of changes. */
  readonly tail: Tail;
  readonly history: StoreHistory;
  readonly log: LogReader;
  readonly #opened: OpenedDatabase;
  readonly #clock: ServerClock;
  readonly #watch: HeadWatch;
  readonly #writer: Writer;
  readonly #commits: GroupCommit;
  readonly #live: LiveReads;
  readonly #reader: Reader;
  readonly #searches: UserSearches;
  readonly #activity: SessionActivity;
  readonly #shadows: Shadows;
  readonly #sweeper: Sweeper;
  readonly #eraser: Eraser;
  readonly #upkeep: Upkeep;
  readonly #traces: Traces | undefined;
  readonly #measured: StatsSources;
  #closing: Promise<void> | undefined;

  constructor(options: PostgresStoreOptions, opened: OpenedDatabase) {
    const limits = limitsOf(options.limits);
    const { onCommit, onTrouble = () => undefined, sweepIntervalMs: intervalMs = SWEEP_INTERVAL_MS } = options;
    const { pool, head, generation, signer, seal } = opened;
    this.#opened = opened;
    this.generation = generation;
    this.#traces = options.traces;
    this.#clock = new ServerClock(options);
    const { timeOf } = this.#clock;
    const now = (): number => this.#clock.now();
    const activity = (session: Session): Session => this.#activity.known(session);
    const readLog = (after: number, limit: number) => this.#reader.readLog(after, limit);
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
      activity,
      onWritten: (before, events) => this.#watch.written(before, events),
      onUnknown: () => this.tail.lose(),
      onCommit,
    });
    this.#live = new LiveReads({ pool, generation, timeOf, activity, seen: (reading) => this.#watch.seen(reading) });
    const housekeeping = { writer: this.#writer, pool, now, intervalMs, onTrouble };
    this.#activity = createActivity(housekeeping);
    this.#shadows = createShadows(housekeeping);
    this.#commits = new GroupCommit({
      run: this.#writer.run,
      ...{ limits, wallClock: Date.now, onTrouble, onBatch: options.onBatch },
      batchCommands: () => this.#batchCommands(limits),
    });
    this.#reader = new Reader({ pool: opened.listPool, limits, seal });
    this.history = new StoreHistory(this.#reader, signer);
    this.log = new TailLog(this.tail, seal, async () => (await this.#live.head()).position);
    this.#searches = new UserSearches({ reader: this.#reader, limits, now });
    this.#eraser = createEraser(housekeeping);
    this.#sweeper = createSweeper({
      ...housekeeping,
      ...{ limits, reader: this.#reader, tail, eraser: this.#eraser, signer, checkpointMs: options.checkpointMs },
      mayRun: () => this.#upkeep.mayRun(),
      execute: (command, executeOptions) => this.execute(command, executeOptions),
    });
    this.#measured = {
      pools: [pool, opened.listPool],
      commits: this.#commits,
      writer: this.#writer,
      clock: this.#clock,
      sweepLagMs: () => this.#upkeep.sweepLagMs,
      openWork: () => this.#upkeep.openWork,
      ...{ now, signs: signer !== undefined },
    };
  }

  follow(follower: Follower): () => void {
    return this.tail.follow(follower);
  }

  /** What a read of the database finds newer than its followers is told to them before it is answered. */
  catchUp(): void {}

  refresh(): Promise<void> {
    return this.#watch.refresh();
  }

  async now(): Promise<number> {
    return this.#clock.now();
  }

  execute<C extends Command>(command: C, options?: ExecuteOptions): Promise<Outcome<C>> {
    const traced = { traces: this.#traces, system: this.system };
    const decided = traceCommand(command, traced, () => this.#commits.submit(command, options));
    return this.#eraser.finish(command, decided);
  }

  readUser(userId: string): Promise<User | undefined> {
    return this.#live.user(userId);
  }

  async listUsers(query: UserQuery, options?: ReadOptions): Promise<Page<User>> {
    return this.#confirmed(this.#reader.listUsers(query, this.#clock.now(), options));
  }

  searchUsers(search: UserSearch, options?: SearchOptions): Promise<UserSearchAnswer> {
    return this.#confirmed(this.#searches.search(search, options));
  }

  async listUserEvents(query: EventQuery, options?: ReadOptions): Promise<Page<ListedEvent>> {
    return this.#confirmed(this.#reader.listUserEvents(query, options));
  }

  async listEvents(query: LogQuery, options?: ReadOptions): Promise<LogPage> {
    return this.#confirmed(this.#reader.listEvents(query, options));
  }

  async readSession(key: SessionKey, { touch }: { readonly touch: boolean }): Promise<SessionReading | undefined> {
    const found = await this.#live.session(key);
    // The other replicas know only what is written.
    if (touch && found?.status === "ACTIVE") await this.#activity.noteShared(found.session, found.now);
    return found;
  }

  noteUses(uses: readonly SessionUse[]): void {
    for (const use of uses) this.#activity.note(use, use.time);
  }

  readSignIn(key: SignInKey): Promise<SignInView | undefined> {
    return this.#live.signIn(key);
  }

  findByIdentifier(organizationId: string, identifier: string): Promise<readonly string[]> {
    return this.#live.identified(organizationId, identifier);
  }

  shadowOf(organizationId: string, name: UnknownName): Promise<string> {
    return this.#shadows.of(organizationId, name);
  }

  readPolicy(policyId: string): Promise<StoredPolicy | undefined> {
    return this.#live.policy(policyId);
  }

  async listAttempts(query: AttemptQuery, options?: ReadOptions): Promise<Page<Attempt>> {
    return this.#confirmed(this.#reader.listAttempts(query, this.#clock.now(), options));
  }

  async listSessions(query: SessionQuery, options?: ReadOptions): Promise<Page<SessionView>> {
    const now = this.#clock.now();
    const show = showSessions(query, { now, generation: this.generation, activity: this.#activity });
    return this.#confirmed(this.#reader.listSessions(query, now, show, options));
  }

  readOrganization(organizationId: string): Promise<Organization | undefined> {
    return this.#live.organization(organizationId);
  }

  async listOrganizations(query: { readonly pageSize: number; readonly after?: string }): Promise<Page<Organization>> {
    return this.#confirmed(this.#reader.listOrganizations(query));
  }

  loadApiKeys(): Promise<readonly ApiKey[]> {
    return this.#live.effectiveApiKeys(this.#clock.now());
  }

  readApiKey(name: ApiKeyName): Promise<ApiKey | undefined> {
    return this.#live.apiKey(name);
  }

  async listApiKeys(query: {
    readonly organizationId: string | null;
    readonly pageSize: number;
    readonly after?: string;
  }): Promise<Page<ApiKey>> {
    return this.#confirmed(this.#reader.listApiKeys(query));
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

  /** Runs one round of the sweeper now. */
  sweep(): Promise<void> {
    return this.#sweeper.sweep();
  }

  stats(): StoreStats {
    return readStats(this.#measured);
  }

  get clockBehindMs(): number {
    return this.#clock.behindMs;
  }

  /** Counts of the group commit since the start. */
  get counts(): Readonly<GroupCommitCounts> {
    return this.#commits.counts;
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
    await this.#sweeper.stop();
    await this.#commits.close();
    await this.#activity.close();
    await this.#upkeep.close();
    await this.#opened.close();
    isClosed.abort();
  }

  /** Returns what a list has read, when this replica knows the configuration of that moment. */
  async #confirmed<T>(read: Promise<T>): Promise<T> {
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
