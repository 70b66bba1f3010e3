/** Reads by key for answers that must be true at this moment, on the writer's connection or on a serving thread's. */
import type { ApiKey } from "../../../domain/api-key.ts";
import { settleCounter } from "../../../domain/attempt.ts";
import type { Organization } from "../../../domain/organization.ts";
import type { StoredPolicy } from "../../../domain/policy.ts";
import { toSearchKey } from "../../../domain/search-key.ts";
import { type Session, sessionStatusOf } from "../../../domain/session.ts";
import { settle } from "../../../domain/settle.ts";
import { isInScope } from "../../../domain/sight.ts";
import type { User } from "../../../domain/user.ts";
import { ConfigurationCache } from "../../log/configuration-cache.ts";
import type { MarkedHead } from "../../log/tail-log.ts";
import type { ApiKeyName, SessionKey, SessionReading, SignInKey, SignInView } from "../../queries.ts";
import { toStoredPolicy } from "../../rows/attempt-rows.ts";
import { toCounter, toSessionOfView, toSettledUser, toUserState } from "../../rows/narrow-rows.ts";
import { toApiKey, toOrganization } from "../../rows/rows.ts";
import { toSubjectKey } from "../../rows/subject-key.ts";
import type { Store } from "../../store.ts";
import type { HotStatements } from "./hot-statements.ts";

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
    const row = this.#statements.readUser.get(id);
    return row && toSettledUser(row, this.#now());
  }

  organization(id: string): Organization | undefined {
    return this.#configuration.organization(id);
  }

  session(key: SessionKey): SessionReading | undefined {
    const { readSessionView, readSessionViewByToken } = this.#statements;
    const row = "id" in key ? readSessionView.get(key.id) : readSessionViewByToken.get(key.tokenHash);
    if (row === undefined || !isInScope(row[1], key.scope)) return undefined;
    const now = this.#now();
    const user = settle(toUserState(row), now).state;
    const session = this.#activity(toSessionOfView(row));
    const status = sessionStatusOf(session, user, { now, generation: this.#generation });
    return { session, user, status, now };
  }

  signIn({ userId, factor }: SignInKey): SignInView | undefined {
    const subject = toSubjectKey({ userId });
    const row = this.#statements.readSignIn.get(subject, factor, subject, factor, userId);
    if (row === undefined) return undefined;
    const now = this.#now();
    const user = settle(toUserState(row), now).state;
    const policy = this.#configuration.policyOf(user.organizationId);
    const before = toCounter(row[9], row[10]);
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
}

/** Reads the newest event, and the hash of the one at a position. */
export function readMarkedHead(statements: HotStatements, position: number): MarkedHead {
  const head = statements.readHeadPosition.get() ?? 0;
  return {
    head: { position: head, hash: statements.readEventHash.get(head) },
    hash: statements.readEventHash.get(position),
  };
}
