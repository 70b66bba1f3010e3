/** Reads on the writer's own connection: what must be true at this very moment, looked up by key. */
import { createHmac, randomBytes } from "node:crypto";
import { NO_ATTEMPTS, settleCounter } from "../../domain/attempt.ts";
import { isVisible } from "../../domain/decide.ts";
import { combinePolicies, INSTANCE_POLICY_ID, type Policy, type StoredPolicy } from "../../domain/policy.ts";
import { type Session, sessionStatusOf } from "../../domain/session.ts";
import { settle } from "../../domain/settle.ts";
import type { UserState } from "../../domain/user.ts";
import { toSearchKey } from "../search-key.ts";
import type { SessionKey, SessionView, SignInKey, SignInView, UnknownName } from "../store.ts";
import { toCounter, toStoredPolicy, toSubjectKey } from "./attempt-rows.ts";
import type { HotStatements } from "./hot-statements.ts";
import { toSession, toUserState } from "./rows.ts";

export interface LiveReadsOptions {
  readonly statements: HotStatements;
  readonly now: () => number;
  /** A session with the last activity that is known, on disk or not. */
  readonly activity: (session: Session) => Session;
}

export class LiveReads {
  readonly #statements: HotStatements;
  readonly #now: () => number;
  readonly #activity: (session: Session) => Session;

  constructor({ statements, now, activity }: LiveReadsOptions) {
    this.#statements = statements;
    this.#now = now;
    this.#activity = activity;
  }

  session(key: SessionKey): SessionView | undefined {
    const { readSession, readSessionByToken } = this.#statements;
    const row = "id" in key ? readSession.get(key.id) : readSessionByToken.get(key.tokenHash);
    const now = this.#now();
    const user = row && this.#user(row.user_id, now);
    if (row === undefined || user === undefined || !isVisible({ state: user }, key)) return undefined;
    const session = this.#activity(toSession(row));
    return { session, user, status: sessionStatusOf(session, user, now) };
  }

  signIn({ userId, factor }: SignInKey): SignInView | undefined {
    const now = this.#now();
    const user = this.#user(userId, now);
    if (user === undefined) return undefined;
    const row = this.#statements.readCounter.get(toSubjectKey({ userId }), factor);
    const policy = this.#policyOf(user.organizationId);
    const before = row === undefined ? NO_ATTEMPTS : toCounter(row);
    const { counter, lock } = settleCounter(before, policy, factor, now);
    // A lock that nobody has written yet begins when it is written; until then no place is free.
    return { user, counter: lock === undefined ? counter : before, policy, now };
  }

  policy(id: string): StoredPolicy | undefined {
    const row = this.#statements.readPolicy.get(id);
    return row && toStoredPolicy(row);
  }

  identified(organizationId: string, identifier: string): readonly string[] {
    const key = toSearchKey(identifier);
    return key === "" ? [] : this.#statements.findByKey.all({ organizationId, key });
  }

  #policyOf(organizationId: string): Policy {
    return combinePolicies(this.policy(INSTANCE_POLICY_ID)?.values, this.policy(organizationId)?.values);
  }

  #user(id: string, now: number): UserState | undefined {
    const row = this.#statements.readUserState.get(id);
    return row && settle(toUserState(row), now).state;
  }
}

const SECRET_NAME = "shadow";
const SECRET_BYTES = 32;

/** Makes names that nobody has unreadable. The secret is made when it is first needed. */
export class Shadows {
  readonly #statements: HotStatements;
  readonly #insert: (secret: Uint8Array) => Promise<void>;
  #secret: Promise<Uint8Array> | undefined;

  /** `insert` puts a secret on disk unless there is one. */
  constructor(statements: HotStatements, insert: (name: string, secret: Uint8Array) => Promise<void>) {
    this.#statements = statements;
    this.#insert = (secret) => insert(SECRET_NAME, secret);
  }

  async of(organizationId: string, name: UnknownName): Promise<string> {
    this.#secret ??= this.#load().catch((error: unknown) => {
      this.#secret = undefined;
      throw error;
    });
    const hmac = createHmac("sha256", await this.#secret);
    const parts = "userId" in name ? ["id", name.userId] : ["typed", toSearchKey(name.identifier)];
    return hmac.update([organizationId, ...parts].join("\0")).digest("base64url");
  }

  async #load(): Promise<Uint8Array> {
    const known = this.#statements.readSecret.get(SECRET_NAME);
    if (known !== undefined) return known;
    await this.#insert(randomBytes(SECRET_BYTES));
    const made = this.#statements.readSecret.get(SECRET_NAME);
    if (made === undefined) throw new Error("the secret of shadows is not there after it was written");
    return made;
  }
}
