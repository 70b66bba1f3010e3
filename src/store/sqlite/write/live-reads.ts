/** Reads by key on the writer's own connection, for answers that must be true at this moment. */
import type { ApiKey } from "../../../domain/api-key.ts";
import { NO_ATTEMPTS, settleCounter } from "../../../domain/attempt.ts";
import type { Organization } from "../../../domain/organization.ts";
import type { StoredPolicy } from "../../../domain/policy.ts";
import { type Session, sessionStatusOf } from "../../../domain/session.ts";
import { settle } from "../../../domain/settle.ts";
import { existsFor } from "../../../domain/sight.ts";
import type { User, UserState } from "../../../domain/user.ts";
import { toSubjectKey } from "../../commit/subject-key.ts";
import { ConfigurationCache } from "../../log/configuration-cache.ts";
import type { ApiKeyName, SessionKey, SessionView, SignInKey, SignInView } from "../../queries.ts";
import { toSearchKey } from "../../search/search-key.ts";
import type { Store } from "../../store.ts";
import { toCounter, toStoredPolicy } from "../attempt-rows.ts";
import { toApiKey, toOrganization, toSession, toUserState } from "../rows.ts";
import type { HotStatements } from "./hot-statements.ts";
import { readUserRows } from "./read-answer.ts";

export interface LiveReadsOptions {
  readonly statements: HotStatements;
  readonly generation: number;
  readonly now: () => number;
  /** Returns a session with its last known activity, written or not. */
  readonly activity: (session: Session) => Session;
  /** The feed of changes of the configuration. */
  readonly configuration: Pick<Store, "follow">;
}

export class LiveReads {
  readonly #statements: HotStatements;
  readonly #generation: number;
  readonly #now: () => number;
  readonly #activity: (session: Session) => Session;
  readonly #configuration: ConfigurationCache;

  constructor({ statements, generation, now, activity, configuration }: LiveReadsOptions) {
    this.#generation = generation;
    this.#statements = statements;
    this.#now = now;
    this.#activity = activity;
    this.#configuration = new ConfigurationCache({
      policy(id) {
        const row = statements.readPolicy.get(id);
        return row && toStoredPolicy(row);
      },
      organization(id) {
        const row = statements.readOrganization.get(id);
        return row && toOrganization(row);
      },
    });
    configuration.follow(this.#configuration);
  }

  user(id: string): User | undefined {
    const rows = readUserRows(this.#statements, id);
    return rows && { ...rows.user, state: settle(rows.user.state, this.#now()).state };
  }

  organization(id: string): Organization | undefined {
    return this.#configuration.organization(id);
  }

  session(key: SessionKey): SessionView | undefined {
    const { readSession, readSessionByToken } = this.#statements;
    const row = "id" in key ? readSession.get(key.id) : readSessionByToken.get(key.tokenHash);
    const now = this.#now();
    const user = row && this.#user(row.user_id, now);
    if (row === undefined || !existsFor(user, { scope: key.scope, showDeleted: true })) return undefined;
    const session = this.#activity(toSession(row));
    return { session, user, status: sessionStatusOf(session, user, { now, generation: this.#generation }) };
  }

  signIn({ userId, factor }: SignInKey): SignInView | undefined {
    const now = this.#now();
    const user = this.#user(userId, now);
    if (user === undefined) return undefined;
    const row = this.#statements.readCounter.get(toSubjectKey({ userId }), factor);
    const policy = this.#configuration.policyOf(user.organizationId);
    const before = row === undefined ? NO_ATTEMPTS : toCounter(row);
    const { counter, lock } = settleCounter(before, policy, factor, now);
    // A lock that is not written yet begins when it is written; until then no place is free.
    return { user, counter: lock === undefined ? counter : before, policy, now };
  }

  apiKey(name: ApiKeyName): ApiKey | undefined {
    const { readApiKey, readApiKeyBySecret } = this.#statements;
    const row = "id" in name ? readApiKey.get(name.id) : readApiKeyBySecret.get(name);
    return row && toApiKey(row);
  }

  policy(id: string): StoredPolicy | undefined {
    return this.#configuration.policy(id);
  }

  identified(organizationId: string, identifier: string): readonly string[] {
    const key = toSearchKey(identifier);
    return key === "" ? [] : this.#statements.findByKey.all({ organizationId, key });
  }

  #user(id: string, now: number): UserState | undefined {
    const row = this.#statements.readUserState.get(id);
    return row && settle(toUserState(row), now).state;
  }
}
