/** The reads of a thread that serves: on a connection of its own that only reads, by the rules of the writer's. */
import type { Database } from "better-sqlite3";
import type { ApiKey } from "../../../domain/api-key.ts";
import type { Organization } from "../../../domain/organization.ts";
import type { StoredPolicy } from "../../../domain/policy.ts";
import type { User } from "../../../domain/user.ts";
import { StoreUnavailableError } from "../../errors.ts";
import type { ApiKeyName, SessionKey, SessionReading, SignInKey, SignInView } from "../../queries.ts";
import type { LocalReads, LocalReadsOptions } from "../../remote/local-reads.ts";
import { SharedMemory } from "../../remote/shared-memory.ts";
import { openReader } from "../file/database-file.ts";
import { prepareHotStatements } from "../write/hot-statements.ts";
import { LiveReads } from "../write/live-reads.ts";
import { TickReads } from "../write/tick-reads.ts";

/**
 * A reader of a write-ahead log sees each transaction that was committed before its own began: so a read that begins
 * after an answer of OK sees the change.
 */
export class ThreadReads implements LocalReads {
  readonly #database: Database;
  readonly #memory: SharedMemory;
  readonly #clock: () => number;
  readonly #live: LiveReads;
  readonly #tickReads: TickReads;

  constructor({ data, threads, generation, clock, activity, configuration }: LocalReadsOptions) {
    const database = openReader(data.path, "threads", threads);
    const statements = prepareHotStatements(database);
    this.#database = database;
    this.#memory = new SharedMemory(data.memory);
    this.#clock = clock;
    this.#live = new LiveReads({ statements, generation, now: () => this.now(), activity, configuration });
    this.#tickReads = new TickReads(statements, () => {
      if (!database.open) throw new StoreUnavailableError("the store is closed", undefined);
      // Before the snapshot: what the cache then reads is as new as what it knows, or newer.
      configuration.catchUp();
    });
  }

  get isUsable(): boolean {
    return !this.#memory.isLost;
  }

  now(): number {
    return Math.max(Math.floor(this.#clock()), this.#memory.recordTime);
  }

  readUser(userId: string): Promise<User | undefined> {
    return this.#tickReads.read(() => this.#live.user(userId));
  }

  readSession(key: SessionKey): Promise<SessionReading | undefined> {
    return this.#tickReads.read(() => this.#live.session(key));
  }

  readSignIn(key: SignInKey): Promise<SignInView | undefined> {
    return this.#tickReads.read(() => this.#live.signIn(key));
  }

  findByIdentifier(organizationId: string, identifier: string): Promise<readonly string[]> {
    return this.#tickReads.read(() => this.#live.identified(organizationId, identifier));
  }

  readPolicy(policyId: string): Promise<StoredPolicy | undefined> {
    return this.#tickReads.read(() => this.#live.policy(policyId));
  }

  readOrganization(organizationId: string): Promise<Organization | undefined> {
    return this.#tickReads.read(() => this.#live.organization(organizationId));
  }

  readApiKey(name: ApiKeyName): Promise<ApiKey | undefined> {
    return this.#tickReads.read(() => this.#live.apiKey(name));
  }

  close(): void {
    this.#database.close();
  }
}
