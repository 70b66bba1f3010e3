/** The store of another thread: the same interface, over a port. */
import type { ApiKey } from "../../domain/api-key.ts";
import type { Attempt } from "../../domain/attempt.ts";
import type { Organization } from "../../domain/organization.ts";
import type { StoredPolicy } from "../../domain/policy.ts";
import type { User } from "../../domain/user.ts";
import type { Traces } from "../../observability/traces.ts";
import type { Command, ExecuteOptions, Outcome } from "../commands.ts";
import type {
  ApiKeyName,
  AttemptQuery,
  EventQuery,
  ListedEvent,
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
import type { Backup, Follower, Store } from "../store.ts";
import type { BegunBackup, RemoteStoreData } from "./messages.ts";
import { PortCalls } from "./port-calls.ts";
import { RemoteBackup } from "./remote-backup.ts";
import { RemoteFeed } from "./remote-feed.ts";

export interface RemoteStoreOptions {
  /** Called with errors that no call gets, for the log. */
  readonly onTrouble?: (error: unknown) => void;
  /** Absent: commands are not traced. */
  readonly traces?: Traces | undefined;
}

export class RemoteStore implements Store {
  readonly generation: number;
  readonly schemaVersion: string;
  readonly system: string;
  /** Absent when the store makes no backups. */
  readonly createBackup?: () => Promise<Backup>;
  readonly #calls: PortCalls;
  readonly #feed: RemoteFeed;
  readonly #traces: Traces | undefined;

  constructor(data: RemoteStoreData, { traces, onTrouble = () => undefined }: RemoteStoreOptions) {
    this.generation = data.generation;
    this.schemaVersion = data.schemaVersion;
    this.system = data.system;
    this.#traces = traces;
    this.#feed = new RemoteFeed(data.feed, onTrouble);
    const calls = new PortCalls(data.port);
    this.#calls = calls;
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

  // The host answers each call with the type that is given here; structured cloning keeps it.
  async now(): Promise<number> {
    return (await this.#calls.call("now", [])) as number;
  }

  async execute<C extends Command>(command: C, options?: ExecuteOptions): Promise<Outcome<C>> {
    const submit = (): Promise<unknown> => this.#calls.call("execute", [command, options]);
    const outcome =
      this.#traces === undefined ? submit() : this.#traces.command({ name: command.type, system: this.system }, submit);
    return (await outcome) as Outcome<C>;
  }

  async readUser(userId: string): Promise<User | undefined> {
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

  async readSession(key: SessionKey, options: { readonly touch: boolean }): Promise<SessionReading | undefined> {
    return (await this.#calls.call("readSession", [key, options])) as SessionReading | undefined;
  }

  async listSessions(query: SessionQuery, options?: ReadOptions): Promise<Page<SessionView>> {
    return (await this.#calls.call("listSessions", [query], options?.signal)) as Page<SessionView>;
  }

  async readSignIn(key: SignInKey): Promise<SignInView | undefined> {
    return (await this.#calls.call("readSignIn", [key])) as SignInView | undefined;
  }

  async findByIdentifier(organizationId: string, identifier: string): Promise<readonly string[]> {
    return (await this.#calls.call("findByIdentifier", [organizationId, identifier])) as readonly string[];
  }

  async shadowOf(organizationId: string, name: UnknownName): Promise<string> {
    return (await this.#calls.call("shadowOf", [organizationId, name])) as string;
  }

  async readPolicy(policyId: string): Promise<StoredPolicy | undefined> {
    return (await this.#calls.call("readPolicy", [policyId])) as StoredPolicy | undefined;
  }

  async listAttempts(query: AttemptQuery, options?: ReadOptions): Promise<Page<Attempt>> {
    return (await this.#calls.call("listAttempts", [query], options?.signal)) as Page<Attempt>;
  }

  async readOrganization(organizationId: string): Promise<Organization | undefined> {
    return (await this.#calls.call("readOrganization", [organizationId])) as Organization | undefined;
  }

  async listOrganizations(...parameters: Parameters<Store["listOrganizations"]>): Promise<Page<Organization>> {
    return (await this.#calls.call("listOrganizations", parameters)) as Page<Organization>;
  }

  async loadApiKeys(): Promise<readonly ApiKey[]> {
    return (await this.#calls.call("loadApiKeys", [])) as readonly ApiKey[];
  }

  async readApiKey(name: ApiKeyName): Promise<ApiKey | undefined> {
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
  close(): Promise<void> {
    this.#feed.close();
    return this.#calls.close();
  }
}
