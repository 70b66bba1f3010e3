/** Users in every state, made by the rules' own commands, and complete commands. */
import type {
  BanUser,
  CommandContext,
  CreateUser,
  DeactivateUser,
  DeleteUser,
  ImportedRestriction,
  ImportUser,
  LockUser,
  ReactivateUser,
  RevokeUserSessions,
  SettleUser,
  UnbanUser,
  UnlockUser,
  UpdateUser,
  UserCommand,
} from "../../../src/domain/command.ts";
import { decide } from "../../../src/domain/decide.ts";
import type { Decision } from "../../../src/domain/decision.ts";
import type { UserEvent } from "../../../src/domain/event.ts";
import { evolve } from "../../../src/domain/evolve.ts";
import type { Refusal } from "../../../src/domain/refusal.ts";
import type { Restriction } from "../../../src/domain/restriction.ts";
import { settle } from "../../../src/domain/settle.ts";
import type { User } from "../../../src/domain/user.ts";

export const SECOND = 1000;
export const HOUR = 3_600_000;
export const DAY = 24 * HOUR;
/** When the users of the tables were created. */
export const BIRTH = Date.UTC(2026, 0, 1);
/** When the tables' commands are decided. */
export const NOW = BIRTH + DAY;
export const USER_ID = "alice";
export const ORGANIZATION_ID = "acme";
export const ADMIN = "key:admin";

/** A caller that sees only the organization of the tables. */
export const CONTEXT: CommandContext = { actor: ADMIN, via: "test", scope: ORGANIZATION_ID, validateOnly: false };

const common = { userId: USER_ID, context: CONTEXT, reasonCode: "", note: "" } as const;
const person = { profile: {}, attributes: {} } as const;
const imposing = { ...common, restrictionId: "new", ifAlready: "refuse" } as const;
const lifting = { ...common, ifAlready: "refuse" } as const;

/** The simplest form of each command; `more` changes it. */
export const say = {
  create: (more: Partial<CreateUser> = {}): CreateUser => ({
    ...common,
    ...person,
    organizationId: ORGANIZATION_ID,
    ...more,
    type: "CreateUser",
  }),
  import: (more: Partial<ImportUser> = {}): ImportUser => ({
    ...common,
    ...person,
    organizationId: ORGANIZATION_ID,
    restrictions: [],
    ifExists: "error",
    ...more,
    type: "ImportUser",
  }),
  update: (more: Partial<UpdateUser> = {}): UpdateUser => ({
    ...common,
    ...person,
    fields: [],
    namespaces: [],
    ...more,
    type: "UpdateUser",
  }),
  delete: (more: Partial<DeleteUser> = {}): DeleteUser => ({ ...common, ...more, type: "DeleteUser" }),
  lock: (more: Partial<LockUser> = {}): LockUser => ({
    ...imposing,
    expiry: { kind: "default" },
    revokeSessions: false,
    ...more,
    type: "LockUser",
  }),
  unlock: (more: Partial<UnlockUser> = {}): UnlockUser => ({ ...lifting, ...more, type: "UnlockUser" }),
  ban: (more: Partial<BanUser> = {}): BanUser => ({
    ...imposing,
    expiry: { kind: "default" },
    ...more,
    type: "BanUser",
  }),
  unban: (more: Partial<UnbanUser> = {}): UnbanUser => ({ ...lifting, ...more, type: "UnbanUser" }),
  deactivate: (more: Partial<DeactivateUser> = {}): DeactivateUser => ({
    ...imposing,
    cause: "ADMIN",
    ...more,
    type: "DeactivateUser",
  }),
  reactivate: (more: Partial<ReactivateUser> = {}): ReactivateUser => ({
    ...lifting,
    cause: "ADMIN",
    ...more,
    type: "ReactivateUser",
  }),
  revokeSessions: (more: Partial<RevokeUserSessions> = {}): RevokeUserSessions => ({
    ...common,
    ...more,
    type: "RevokeUserSessions",
  }),
  settle: (): SettleUser => ({ type: "SettleUser", userId: USER_ID, context: CONTEXT }),
};

export function imported(more: Partial<ImportedRestriction> = {}): ImportedRestriction {
  return {
    id: "imported",
    kind: "LOCK",
    cause: "ADMIN",
    reasonCode: "",
    note: "",
    actor: "",
    expiry: { kind: "never" },
    ...more,
  };
}

export interface Step {
  readonly decision: Decision;
  /** The events due before the command, then its own events. Empty if it was refused. */
  readonly events: readonly UserEvent[];
  /** The user after the command; settled in memory even if the command was refused. */
  readonly user: User | undefined;
}

export interface StepOptions {
  readonly defaultLockDurationMs?: number;
}

/** Runs a command as a store does: settle, decide, evolve. */
export function step(before: User | undefined, command: UserCommand, now: number, options: StepOptions = {}): Step {
  const { defaultLockDurationMs = HOUR } = options;
  const settled = before === undefined ? undefined : settle(before.state, now);
  const present =
    settled === undefined || before === undefined ? undefined : { state: settled.state, person: before.person };
  const decision = decide(present, command, { now, defaultLockDurationMs });
  if (!decision.ok) return { decision, events: [], user: present };
  const organizationId = present?.state.organizationId ?? ("organizationId" in command ? command.organizationId : "");
  let user = present;
  for (const event of decision.events) user = evolve(user, event, command.userId, organizationId);
  return { decision, events: [...(settled?.events ?? []), ...decision.events], user };
}

/** The user after commands that must succeed. */
export function after(before: User | undefined, ...commands: readonly (readonly [UserCommand, number])[]): User {
  let user = before;
  for (const [command, now] of commands) {
    const { decision, user: next } = step(user, command, now);
    if (!decision.ok) throw new Error(`given: ${command.type} is refused: ${decision.refusal.message}`);
    user = next;
  }
  if (user === undefined) throw new Error("given: no command made a user");
  return user;
}

export function created(more: Partial<CreateUser> = {}, now = BIRTH): User {
  return after(undefined, [say.create(more), now]);
}

export function refusalOf(decision: { readonly ok: boolean; readonly refusal?: Refusal }): Refusal {
  if (decision.ok || decision.refusal === undefined) throw new Error("the command is not refused");
  return decision.refusal;
}

const LETTERS = {
  "LOCK/ADMIN": "L",
  "LOCK/POLICY": "P",
  "BAN/ADMIN": "B",
  "DEACTIVATION/ADMIN": "D",
  "DEACTIVATION/DIRECTORY": "R",
} as const;

/** One letter per restriction: L lock, P lock by policy, B ban, D deactivation, R by directory; `~`: scheduled. */
export function letterOf({ kind, cause, started }: Pick<Restriction, "kind" | "cause" | "started">): string {
  const name = `${kind}/${cause}`;
  if (!Object.hasOwn(LETTERS, name)) throw new Error(`there is no ${name}`);
  return `${started ? "" : "~"}${LETTERS[name as keyof typeof LETTERS]}`;
}
