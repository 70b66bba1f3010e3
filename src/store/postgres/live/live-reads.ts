/** Reads by key from the primary, for answers that must be true at this moment. */

import type { ApiKey } from "../../../domain/api-key.ts";
import { settleCounter } from "../../../domain/attempt.ts";
import type { Organization } from "../../../domain/organization.ts";
import { combinePolicies, type Policy, type PolicyValues, type StoredPolicy } from "../../../domain/policy.ts";
import { toSearchKey } from "../../../domain/search-key.ts";
import { type Session, sessionStatusOf } from "../../../domain/session.ts";
import { settle } from "../../../domain/settle.ts";
import { isInScope } from "../../../domain/sight.ts";
import type { User } from "../../../domain/user.ts";
import type { MarkedHead } from "../../log/tail-log.ts";
import type { ApiKeyName, SessionKey, SessionReading, SignInKey, SignInView } from "../../queries.ts";
import { toStoredPolicy } from "../../rows/attempt-rows.ts";
import {
  type SessionViewRow,
  toCounter,
  toSessionOfView,
  toSettledUser,
  toUserState,
  type UserRow,
} from "../../rows/narrow-rows.ts";
import { toApiKey, toOrganization } from "../../rows/rows.ts";
import type { ApiKeyTable, OrganizationTable, PolicyTable } from "../../rows/schema.ts";
import type { Statement } from "../connect/connection.ts";
import type { Pool } from "../connect/pool.ts";
import { toReadError } from "../connect/trouble.ts";
import { type HeadReading, readHead, readMarkedHead } from "./head-watch.ts";
import * as sql from "./live-statements.ts";
import { type Gathered, ReadGatherer } from "./read-gatherer.ts";

export interface LiveReadsOptions {
  readonly pool: Pool;
  readonly generation: number;
  /** Returns the time of a reading of the head, in milliseconds since the epoch. */
  readonly timeOf: (head: HeadReading) => number;
  /** Returns a session with its last known activity, written or not. */
  readonly activity: (session: Session) => Session;
  /** Resolves when this replica knows the configuration of that moment; undefined: it does. */
  readonly seen: (head: HeadReading) => Promise<void> | undefined;
}

/** Combined policies that are kept, by the texts of their parts. */
const POLICIES_MAX = 1_000;

/** Every method rejects with StoreUnavailableError. */
export class LiveReads {
  readonly #options: LiveReadsOptions;
  readonly #user: (id: string) => Promise<Gathered<UserRow>>;
  readonly #session: (id: string) => Promise<Gathered<SessionViewRow>>;
  readonly #sessionByToken: (tokenHash: string) => Promise<Gathered<sql.SessionByTokenRow>>;
  readonly #signIn: (key: SignInKey) => Promise<Gathered<sql.SignInRow>>;
  readonly #policies = new Map<string, Policy>();

  constructor(options: LiveReadsOptions) {
    this.#options = options;
    const gatherer = new ReadGatherer({ pool: options.pool, onHead: options.seen });
    this.#user = gatherer.kind(sql.READ_USERS);
    this.#session = gatherer.kind(sql.READ_SESSIONS);
    this.#sessionByToken = gatherer.kind(sql.READ_SESSIONS_BY_TOKEN);
    this.#signIn = gatherer.kind(sql.READ_SIGN_INS);
  }

  async user(id: string): Promise<User | undefined> {
    const { row, head } = await this.#user(id);
    return row && toSettledUser(row, this.#options.timeOf(head));
  }

  async session(key: SessionKey): Promise<SessionReading | undefined> {
    const { row, head } = await ("id" in key ? this.#session(key.id) : this.#sessionByToken(key.tokenHash));
    if (row === undefined || !isInScope(row[1], key.scope)) return undefined;
    const now = this.#options.timeOf(head);
    const user = settle(toUserState(row), now).state;
    const session = this.#options.activity(toSessionOfView(row as SessionViewRow));
    const status = sessionStatusOf(session, user, { now, generation: this.#options.generation });
    return { session, user, status, now };
  }

  async signIn(key: SignInKey): Promise<SignInView | undefined> {
    const { row, head } = await this.#signIn(key);
    if (row === undefined) return undefined;
    const now = this.#options.timeOf(head);
    const user = settle(toUserState(row), now).state;
    const policy = this.#policyOf(row[12], row[13]);
    const before = toCounter(row[9], row[10]);
    const { counter, lock } = settleCounter(before, policy, key.factor, now);
    // A lock that is not written yet begins when it is written; until then no place is free.
    return { user, counter: lock === undefined ? counter : before, policy, now };
  }

  async identified(organizationId: string, identifier: string): Promise<readonly string[]> {
    const key = toSearchKey(identifier);
    if (key === "") return [];
    const rows = await this.#rows<{ readonly id: string }>(sql.FIND_BY_KEY, [organizationId, key]);
    return rows.map(({ id }) => id);
  }

  async policy(id: string): Promise<StoredPolicy | undefined> {
    const [row] = await this.#rows<PolicyTable>(sql.READ_POLICY, [id]);
    return row && toStoredPolicy(row);
  }

  async organization(id: string): Promise<Organization | undefined> {
    const [row] = await this.#rows<OrganizationTable>(sql.READ_ORGANIZATION, [id]);
    return row && toOrganization(row);
  }

  async apiKey(name: ApiKeyName): Promise<ApiKey | undefined> {
    const [row] =
      "id" in name
        ? await this.#rows<ApiKeyTable>(sql.READ_API_KEY, [name.id])
        : await this.#rows<ApiKeyTable>(sql.READ_API_KEY_BY_SECRET, [name.secretHash]);
    return row && toApiKey(row);
  }

  /** Returns all keys that are neither revoked nor expired. */
  async effectiveApiKeys(now: number): Promise<readonly ApiKey[]> {
    return (await this.#rows<ApiKeyTable>(sql.READ_EFFECTIVE_API_KEYS, [now])).map(toApiKey);
  }

  /** Reads the head of the log. */
  async head(): Promise<HeadReading> {
    try {
      return await this.#options.pool.use(readHead);
    } catch (error) {
      throw toReadError(error);
    }
  }

  /** Reads the newest event, and the hash of the event at a position. */
  async markedHead(position: number): Promise<MarkedHead> {
    try {
      return await this.#options.pool.use((connection) => readMarkedHead(connection, position));
    } catch (error) {
      throw toReadError(error);
    }
  }

  async #rows<R>(statement: Statement, values: readonly unknown[]): Promise<readonly R[]> {
    try {
      const [rows, head] = await this.#options.pool.use((connection) =>
        connection.flight(() => Promise.all([connection.rows<R>(statement, values), readHead(connection)])),
      );
      await this.#options.seen(head);
      return rows;
    } catch (error) {
      throw toReadError(error);
    }
  }

  /** Returns the policy in force. `instance` and `own`: JSON of the values of each part; null: never set. */
  #policyOf(instance: string | null, own: string | null): Policy {
    const name = `${instance} ${own}`;
    const known = this.#policies.get(name);
    if (known !== undefined) return known;
    const policy = combinePolicies(toValues(instance), toValues(own));
    if (this.#policies.size >= POLICIES_MAX) this.#policies.clear();
    this.#policies.set(name, policy);
    return policy;
  }
}

function toValues(text: string | null): PolicyValues | undefined {
  return text === null ? undefined : (JSON.parse(text) as PolicyValues);
}
