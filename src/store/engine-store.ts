/** What a store does in the same way on every engine: it takes commands, lists, searches, and tells its followers. */
import type { ApiKey } from "../domain/api-key.ts";
import type { Attempt } from "../domain/attempt.ts";
import type { Organization } from "../domain/organization.ts";
import type { User } from "../domain/user.ts";
import type { Traces } from "../observability/traces.ts";
import type { Command, ExecuteOptions, Outcome } from "./commands.ts";
import type { GroupCommit, GroupCommitCounts } from "./commit/group-commit.ts";
import { traceCommand } from "./commit/trace-command.ts";
import { type ApiKeyQuery, type IdQuery, type ListReader, showSessions } from "./lists/list-reader.ts";
import type { Tail } from "./log/tail.ts";
import type {
  AttemptQuery,
  EventQuery,
  ListedEvent,
  LogPage,
  LogQuery,
  Page,
  ReadOptions,
  SearchOptions,
  SessionQuery,
  SessionView,
  UnknownName,
  UserQuery,
  UserSearch,
  UserSearchAnswer,
} from "./queries.ts";
import type { UserSearches } from "./search/search-users.ts";
import type { Follower, OpenedStore, SessionUse } from "./store.ts";
import type { Eraser } from "./upkeep/eraser.ts";
import type { SessionActivity } from "./upkeep/session-activity.ts";
import type { Shadows } from "./upkeep/shadows.ts";
import type { Sweeper } from "./upkeep/sweeper.ts";

/** What each engine has, made with its own means. */
export interface EngineParts {
  readonly commits: GroupCommit;
  readonly reader: ListReader;
  readonly searches: UserSearches;
  readonly activity: SessionActivity;
  readonly shadows: Shadows;
  readonly eraser: Eraser;
  readonly sweeper: Sweeper;
  /** Absent: commands are not traced. */
  readonly traces: Traces | undefined;
  /** The store's clock, in milliseconds since the epoch. */
  readonly now: () => number;
}

/** An engine adds its reads by key, what it writes without events, and its end. The docstrings are those of `Store`. */
export abstract class EngineStore
  implements
    Pick<
      OpenedStore,
      | ("system" | "generation" | "follow" | "now" | "execute" | "noteUses" | "shadowOf")
      | ("listUsers" | "searchUsers" | "listUserEvents" | "listEvents" | "listSessions" | "listAttempts")
      | ("listOrganizations" | "listApiKeys")
    >
{
  abstract readonly system: string;
  abstract readonly generation: number;
  /** The reading of the log by which everything in this process learns of changes. */
  abstract readonly tail: Tail;
  protected abstract readonly parts: EngineParts;

  /** Returns what a list has read, when this process knows the configuration of that moment. */
  protected abstract confirmed<T>(read: Promise<T>): Promise<T>;

  follow(follower: Follower): () => void {
    return this.tail.follow(follower);
  }

  async now(): Promise<number> {
    return this.parts.now();
  }

  execute<C extends Command>(command: C, options?: ExecuteOptions): Promise<Outcome<C>> {
    const { traces, commits, eraser } = this.parts;
    const decided = traceCommand(command, { traces, system: this.system }, () => commits.submit(command, options));
    return eraser.finish(command, decided);
  }

  async listUsers(query: UserQuery, options?: ReadOptions): Promise<Page<User>> {
    return this.confirmed(this.parts.reader.listUsers(query, this.parts.now(), options));
  }

  searchUsers(search: UserSearch, options?: SearchOptions): Promise<UserSearchAnswer> {
    return this.confirmed(this.parts.searches.search(search, options));
  }

  listUserEvents(query: EventQuery, options?: ReadOptions): Promise<Page<ListedEvent>> {
    return this.confirmed(this.parts.reader.listUserEvents(query, options));
  }

  listEvents(query: LogQuery, options?: ReadOptions): Promise<LogPage> {
    return this.confirmed(this.parts.reader.listEvents(query, options));
  }

  noteUses(uses: readonly SessionUse[]): void {
    for (const use of uses) this.parts.activity.note(use, use.time);
  }

  async listSessions(query: SessionQuery, options?: ReadOptions): Promise<Page<SessionView>> {
    const { reader, activity } = this.parts;
    const now = this.parts.now();
    const show = showSessions(query, { now, generation: this.generation, activity });
    return this.confirmed(reader.listSessions(query, now, show, options));
  }

  shadowOf(organizationId: string, name: UnknownName): Promise<string> {
    return this.parts.shadows.of(organizationId, name);
  }

  async listAttempts(query: AttemptQuery, options?: ReadOptions): Promise<Page<Attempt>> {
    return this.confirmed(this.parts.reader.listAttempts(query, this.parts.now(), options));
  }

  listOrganizations(query: IdQuery): Promise<Page<Organization>> {
    return this.confirmed(this.parts.reader.listOrganizations(query));
  }

  listApiKeys(query: ApiKeyQuery): Promise<Page<ApiKey>> {
    return this.confirmed(this.parts.reader.listApiKeys(query));
  }

  /** Runs one round of the sweeper now. */
  sweep(): Promise<void> {
    return this.parts.sweeper.sweep();
  }

  /** Counts of the group commit since the start. */
  get counts(): Readonly<GroupCommitCounts> {
    return this.parts.commits.counts;
  }
}
