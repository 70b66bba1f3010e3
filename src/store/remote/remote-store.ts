/** The store of another thread: the same interface, over a port. */
import type { ApiKey } from "../../domain/api-key.ts";
import type { Attempt } from "../../domain/attempt.ts";
import type { Organization } from "../../domain/organization.ts";
import type { StoredPolicy } from "../../domain/policy.ts";
import type { User } from "../../domain/user.ts";
import type { Traces } from "../../observability/traces.ts";
import type { Command, ExecuteOptions, Outcome } from "../commands.ts";
import { traceCommand } from "../commit/trace-command.ts";
import type { History } from "../history.ts";
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
import type { Backup, Follower, LogReader, SessionUse, Store } from "../store.ts";
import type { LocalReads, LocalReadsOptions } from "./local-reads.ts";
import type { BegunBackup, RemoteStoreData } from "./messages.ts";
import { PortCalls } from "./port-calls.ts";
import { RemoteActivity } from "./remote-activity.ts";
import { RemoteBackup } from "./remote-backup.ts";
import { RemoteFeed } from "./remote-feed.ts";
import { RemoteHistory } from "./remote-history.ts";
import { RemoteLog } from "./remote-log.ts";

export interface RemoteStoreOptions {
  /** Called with errors that no call gets, for the log. */
  readonly onTrouble?: (error: unknown) => void;
  /** Milliseconds since the epoch: the clock that the store itself has, so that all threads agree. */
  readonly clock: () => number;
  /** Absent: commands are not traced. */
  readonly traces?: Traces | undefined;
}

export class RemoteStore implements Store {
  readonly generation: number;
  readonly schemaVersion: string;
  readonly system: string;
  readonly history: History;
  readonly log: LogReader;
  /** Absent when no other process writes the database. */
  readonly refresh?: () => Promise<void>;
  /** Absent when the store makes no backups. */
  readonly createBackup?: () => Promise<Backup>;
  readonly #calls: PortCalls;
  readonly #feed: RemoteFeed;
  readonly #traces: Traces | undefined;

  readonly #activity: RemoteActivity;
  readonly #local: LocalReads | undefined;
  readonly #onTrouble: (error: unknown) => void;

  /** `openReads`: opens the reads of the engine; absent: the store's thread is asked for everything. */
  constructor(
    data: RemoteStoreData,
    { clock, traces, onTrouble = () => undefined }: RemoteStoreOptions,
    openReads?: (options: LocalReadsOptions) => LocalReads,
  ) {
    this.generation = data.generation;
    this.schemaVersion = data.schemaVersion;
    this.system = data.system;
    this.#traces = traces;
    this.#onTrouble = onTrouble;
    this.#feed = new RemoteFeed(data.feed, onTrouble);
    const calls = new PortCalls(data.port);
    this.#calls = calls;
    this.history = new RemoteHistory(calls);
    this.log = new RemoteLog(calls);
    this.#activity = new RemoteActivity((uses) => this.noteUses(uses));
    if (data.localReads !== undefined) {
      const { generation, localReads, threads } = data;
      const activity = this.#activity.known;
      this.#local = openReads?.({ data: localReads, threads, generation, clock, activity, configuration: this });
    }
    if (data.isShared) {
      // The feed has what the store's thread has learned before the call is answered.
      this.refresh = async () => {
        await calls.call("refresh", []);
        this.catchUp();
      };
    }
    if (data.hasBackups) {
      this.createBackup = async () => new RemoteBackup(calls, (await calls.call("beginBackup", [])) as BegunBackup);
    }
  }

  follow(follower: Follower): () => void {
    return this.#feed.follow(follower);
  }

  catchUp(): void {
    this.#feed.catchUp();
  }

  /** This thread's own reads; `undefined`: the store's thread must answer. */
  get #reads(): LocalReads | undefined {
    return this.#local?.isUsable === true && !this.#calls.isClosed ? this.#local : undefined;
  }

  // The host answers each call with the type that is given here; structured cloning keeps it.
  async now(): Promise<number> {
    return this.#local?.now() ?? ((await this.#calls.call("now", [])) as number);
  }

  execute<C extends Command>(command: C, options?: ExecuteOptions): Promise<Outcome<C>> {
    const traced = { traces: this.#traces, system: this.system };
    return traceCommand(command, traced, () => this.#calls.call("execute", [command, options]));
  }

  async readUser(userId: string): Promise<User | undefined> {
    const reads = this.#reads;
    if (reads !== undefined) return reads.readUser(userId);
    return (await this.#calls.call("readUser", [userId])) as User | undefined;
  }

  async listUsers(query: UserQuery, options?: ReadOptions): Promise<Page<User>> {
    return (await this.#calls.call("listUsers", [query], options?.signal)) as Page<User>;
  }

  async searchUsers(search: UserSearch, { signal, ...options }: SearchOptions = {}): Promise<UserSearchAnswer> {
    return (await this.#calls.call("searchUsers", [search, options], signal)) as UserSearchAnswer;
  }

  async listUserEvents(query: EventQuery, options?: ReadOptions): Promise<Page<ListedEvent>> {
    return (await this.#calls.call("listUserEvents", [query], options?.signal)) as Page<ListedEvent>;
  }

  async listEvents(query: LogQuery, options?: ReadOptions): Promise<LogPage> {
    return (await this.#calls.call("listEvents", [query], options?.signal)) as LogPage;
  }

  async readSession(key: SessionKey, { touch }: { readonly touch: boolean }): Promise<SessionReading | undefined> {
    const reads = this.#reads;
    // The store's thread knows the last activity exactly, and it is what a look shows that does not count as a use.
    if (reads !== undefined && touch) {
      const found = await reads.readSession(key);
      if (found?.status === "ACTIVE") this.#activity.note(found.session, found.now);
      // Another thread may have seen it since its row was written.
      if (found?.status !== "IDLE") return found;
    }
    return (await this.#calls.call("readSession", [key, { touch }])) as SessionReading | undefined;
  }

  noteUses(uses: readonly SessionUse[]): void {
    this.#calls.call("noteUses", [uses]).catch((error: unknown) => {
      // At the end of the thread or of the service nobody waits for it.
      if (!this.#calls.isClosed) this.#onTrouble(error);
    });
  }

  async listSessions(query: SessionQuery, options?: ReadOptions): Promise<Page<SessionView>> {
    return (await this.#calls.call("listSessions", [query], options?.signal)) as Page<SessionView>;
  }

  async readSignIn(key: SignInKey): Promise<SignInView | undefined> {
    const reads = this.#reads;
    if (reads !== undefined) return reads.readSignIn(key);
    return (await this.#calls.call("readSignIn", [key])) as SignInView | undefined;
  }

  async findByIdentifier(organizationId: string, identifier: string): Promise<readonly string[]> {
    const reads = this.#reads;
    if (reads !== undefined) return reads.findByIdentifier(organizationId, identifier);
    return (await this.#calls.call("findByIdentifier", [organizationId, identifier])) as readonly string[];
  }

  async shadowOf(organizationId: string, name: UnknownName): Promise<string> {
    return (await this.#calls.call("shadowOf", [organizationId, name])) as string;
  }

  async readPolicy(policyId: string): Promise<StoredPolicy | undefined> {
    const reads = this.#reads;
    if (reads !== undefined) return reads.readPolicy(policyId);
    return (await this.#calls.call("readPolicy", [policyId])) as StoredPolicy | undefined;
  }

  async listAttempts(query: AttemptQuery, options?: ReadOptions): Promise<Page<Attempt>> {
    return (await this.#calls.call("listAttempts", [query], options?.signal)) as Page<Attempt>;
  }

  async readOrganization(organizationId: string): Promise<Organization | undefined> {
    const reads = this.#reads;
    if (reads !== undefined) return reads.readOrganization(organizationId);
    return (await this.#calls.call("readOrganization", [organizationId])) as Organization | undefined;
  }

  async listOrganizations(...parameters: Parameters<Store["listOrganizations"]>): Promise<Page<Organization>> {
    return (await this.#calls.call("listOrganizations", parameters)) as Page<Organization>;
  }

  async loadApiKeys(): Promise<readonly ApiKey[]> {
    return (await this.#calls.call("loadApiKeys", [])) as readonly ApiKey[];
  }

  async readApiKey(name: ApiKeyName): Promise<ApiKey | undefined> {
    const reads = this.#reads;
    if (reads !== undefined) return reads.readApiKey(name);
    return (await this.#calls.call("readApiKey", [name])) as ApiKey | undefined;
  }

  async listApiKeys(...parameters: Parameters<Store["listApiKeys"]>): Promise<Page<ApiKey>> {
    return (await this.#calls.call("listApiKeys", parameters)) as Page<ApiKey>;
  }

  async touchApiKeys(days: ReadonlyMap<string, string>): Promise<void> {
    await this.#calls.call("touchApiKeys", [days]);
  }

  async check(): Promise<void> {
    await this.#calls.call("check", []);
  }

  /** Waits for the open calls, then closes the port. The database stays open for the other threads. */
  async close(): Promise<void> {
    this.#activity.close();
    await this.#calls.close();
    this.#feed.close();
    this.#local?.close();
  }
}
