/** The questions that the reader worker answers, and the store's end of its link. */
import type { ApiKey } from "../../domain/api-key.ts";
import type { Attempt } from "../../domain/attempt.ts";
import type { Organization } from "../../domain/organization.ts";
import type { User } from "../../domain/user.ts";
import type { AttemptQuery, EventQuery, ListedEvent, Page, SessionQuery, SessionView, UserQuery } from "../store.ts";
import type { Limits } from "./limits.ts";
import type { ReadUsers, Slice, SliceQuery } from "./user-searcher.ts";
import { WorkerLink } from "./worker-link.ts";

/** Lists by id. */
export interface IdQuery {
  readonly pageSize: number;
  readonly after?: string;
}

export type ApiKeyQuery = IdQuery & { readonly organizationId: string | null };

export type ReaderQuestion =
  | { readonly name: "listUsers"; readonly query: UserQuery; readonly now: number }
  | { readonly name: "searchSlice"; readonly query: SliceQuery; readonly now: number }
  | { readonly name: "countUsers"; readonly organizationId: string | null }
  | {
      readonly name: "readUsers";
      readonly ids: readonly string[];
      readonly namespaces: readonly string[] | undefined;
      readonly now: number;
    }
  | { readonly name: "listUserEvents"; readonly query: EventQuery }
  | { readonly name: "listSessions"; readonly query: SessionQuery; readonly now: number }
  | { readonly name: "listAttempts"; readonly query: AttemptQuery; readonly now: number }
  | { readonly name: "listOrganizations"; readonly query: IdQuery }
  | { readonly name: "listApiKeys"; readonly query: ApiKeyQuery };

export interface ReaderData {
  readonly path: string;
  readonly limits: Limits;
}

export class Reader {
  readonly link: WorkerLink<ReaderQuestion>;

  constructor(data: ReaderData, onTrouble: (error: unknown) => void) {
    this.link = new WorkerLink({
      name: "reader worker",
      url: new URL("./reader-worker.ts", import.meta.url),
      workerData: data,
      callMs: data.limits.readMs,
      onTrouble,
    });
  }

  // The worker answers each question with the type that stands here; structured cloning keeps it.
  async listUsers(query: UserQuery, now: number): Promise<Page<User>> {
    return (await this.link.call({ name: "listUsers", query, now })) as Page<User>;
  }

  async searchSlice(query: SliceQuery, now: number): Promise<Slice> {
    return (await this.link.call({ name: "searchSlice", query, now })) as Slice;
  }

  /** `undefined`: there are more than are counted. */
  async countUsers(organizationId: string | null): Promise<number | undefined> {
    return (await this.link.call({ name: "countUsers", organizationId })) as number | undefined;
  }

  async readUsers(ids: readonly string[], namespaces: readonly string[] | undefined, now: number): Promise<ReadUsers> {
    return (await this.link.call({ name: "readUsers", ids, namespaces, now })) as ReadUsers;
  }

  async listUserEvents(query: EventQuery): Promise<Page<ListedEvent>> {
    return (await this.link.call({ name: "listUserEvents", query })) as Page<ListedEvent>;
  }

  async listSessions(query: SessionQuery, now: number): Promise<Page<SessionView>> {
    return (await this.link.call({ name: "listSessions", query, now })) as Page<SessionView>;
  }

  async listAttempts(query: AttemptQuery, now: number): Promise<Page<Attempt>> {
    return (await this.link.call({ name: "listAttempts", query, now })) as Page<Attempt>;
  }

  async listOrganizations(query: IdQuery): Promise<Page<Organization>> {
    return (await this.link.call({ name: "listOrganizations", query })) as Page<Organization>;
  }

  async listApiKeys(query: ApiKeyQuery): Promise<Page<ApiKey>> {
    return (await this.link.call({ name: "listApiKeys", query })) as Page<ApiKey>;
  }

  close(): Promise<void> {
    return this.link.close();
  }
}
