/** Random histories: plans of commands and waits, and the user after them. */
import fc from "fast-check";
import type { Expiry, ImportedRestriction, UserCommand } from "../../../src/domain/command.ts";
import type { UserEvent } from "../../../src/domain/event.ts";
import type { State, User } from "../../../src/domain/user.ts";
import { BIRTH, DAY, HOUR, type Step, say, step } from "./given.ts";

/** One thing that is asked for, `waitMs` after the one before. Ids and instants are filled in by `commandOf`. */
export interface Plan {
  readonly waitMs: number;
  readonly ask: Ask;
}

type Ask =
  | { readonly do: "create" | "settle" | "delete" | "revoke" }
  | { readonly do: "update"; readonly email: string | undefined; readonly crm: string | undefined }
  | { readonly do: "import"; readonly ifExists: "error" | "skip" | "update"; readonly restrictions: readonly Brought[] }
  | ({
      readonly do: "lock" | "ban";
      readonly revokeSessions: boolean;
      readonly startMs: number | undefined;
    } & Imposed & {
        readonly expiry: Relative;
      })
  | ({ readonly do: "deactivate"; readonly cause: "ADMIN" | "DIRECTORY" } & Imposed)
  | ({ readonly do: "unlock" | "unban" } & Lifted)
  | ({ readonly do: "reactivate"; readonly cause: "ADMIN" | "DIRECTORY" } & Lifted);

interface Conditions {
  readonly onlyFrom: readonly State[] | undefined;
  /** How far the expected sequence is from the right one. */
  readonly sequenceOff: number | undefined;
}

interface Imposed extends Conditions {
  readonly ifAlready: "refuse" | "restart" | "succeed";
}

interface Lifted extends Conditions {
  readonly ifAlready: "refuse" | "succeed";
}

type Relative = { readonly kind: "default" | "never" } | { readonly kind: "for" | "at"; readonly ms: number };

interface Brought {
  readonly what: readonly [ImportedRestriction["kind"], ImportedRestriction["cause"]];
  readonly startMs: number | undefined;
  readonly expiry: Relative;
}

const EDGES = [0, 1, HOUR - 1, HOUR, HOUR + 1, DAY];
const waits = fc.oneof(fc.constantFrom(...EDGES), fc.integer({ min: 0, max: 2 * DAY }));
const offsets = fc.oneof(fc.constantFrom(-1, ...EDGES), fc.integer({ min: -DAY, max: 3 * DAY }));
const relative: fc.Arbitrary<Relative> = fc.oneof(
  fc.record({ kind: fc.constantFrom("default" as const, "never" as const) }),
  fc.record({ kind: fc.constantFrom("for" as const, "at" as const), ms: offsets }),
);
const start = fc.option(offsets, { nil: undefined });
const conditions = {
  onlyFrom: fc.option(fc.constant(["ACTIVE", "LOCKED"] as const), { nil: undefined, freq: 6 }),
  sequenceOff: fc.option(fc.constantFrom(0, 0, 0, -1, 1), { nil: undefined, freq: 4 }),
};
const imposing = {
  ...conditions,
  ifAlready: fc.constantFrom("refuse" as const, "restart" as const, "succeed" as const),
};
const lifting = { ...conditions, ifAlready: fc.constantFrom("refuse" as const, "succeed" as const) };
const cause = fc.constantFrom("ADMIN" as const, "DIRECTORY" as const);
const brought: fc.Arbitrary<Brought> = fc.record({
  what: fc.constantFrom(
    ["LOCK", "ADMIN"] as const,
    ["LOCK", "POLICY"] as const,
    ["BAN", "ADMIN"] as const,
    ["DEACTIVATION", "ADMIN"] as const,
    ["DEACTIVATION", "DIRECTORY"] as const,
  ),
  startMs: start,
  expiry: relative,
});
const text = fc.option(fc.constantFrom("a", "b", "c"), { nil: undefined });

const asks: fc.Arbitrary<Ask> = fc.oneof(
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constantFrom("create" as const, "settle" as const, "delete" as const, "revoke" as const),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("update" as const), email: text, crm: text }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant("import" as const),
      ifExists: fc.constantFrom("error" as const, "skip" as const, "update" as const),
      restrictions: fc.uniqueArray(brought, { maxLength: 3, selector: ({ what }) => what.join() }),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constantFrom("lock" as const, "ban" as const),
      revokeSessions: fc.boolean(),
      startMs: start,
      expiry: relative,
      ...imposing,
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("deactivate" as const), cause, ...imposing }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constantFrom("unlock" as const, "unban" as const), ...lifting }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("reactivate" as const), cause, ...lifting }) },
);

const plan: fc.Arbitrary<Plan> = fc.record({ waitMs: waits, ask: asks });

/** A history that begins with a user. */
export const plans: fc.Arbitrary<readonly Plan[]> = fc
  .array(plan, { maxLength: 25 })
  .map((rest) => [{ waitMs: 0, ask: { do: "create" } } as const, ...rest]);

function expiryOf(wanted: Relative, now: number): Expiry {
  if (wanted.kind === "at") return { kind: "at", time: now + wanted.ms };
  if (wanted.kind === "for") return { kind: "for", durationMs: wanted.ms };
  return { kind: wanted.kind };
}

function broughtOf({ what: [kind, cause], startMs, expiry }: Brought, id: string, now: number): ImportedRestriction {
  return {
    id,
    kind,
    cause,
    reasonCode: "",
    note: id,
    actor: "",
    ...(startMs === undefined ? {} : { startTime: now + startMs }),
    expiry: expiryOf(expiry, now),
  };
}

/** Returns the command of a plan; `index` makes its ids. */
export function commandOf({ ask }: Plan, index: number, now: number, before: User | undefined): UserCommand {
  const id = `r${index}`;
  switch (ask.do) {
    case "create":
      return say.create({ profile: { username: "alice" }, attributes: { crm: '"first"' } });
    case "settle":
      return say.settle();
    case "delete":
      return say.delete({ note: id });
    case "revoke":
      return say.revokeSessions({ note: id });
    case "update": {
      const profile = ask.email === undefined ? {} : { email: ask.email };
      const attributes = ask.crm === undefined ? {} : { crm: ask.crm };
      return say.update({ fields: ["email"], profile, namespaces: ["crm"], attributes, note: id });
    }
    case "import": {
      const restrictions = ask.restrictions.map((each, i) => broughtOf(each, `${id}.${i}`, now));
      return say.import({ ifExists: ask.ifExists, profile: { email: id }, restrictions });
    }
    default:
  }
  const common = {
    ifAlready: ask.ifAlready,
    ...(ask.onlyFrom === undefined ? {} : { onlyFrom: ask.onlyFrom }),
    ...(ask.sequenceOff === undefined ? {} : { expectedSequence: (before?.state.sequence ?? 0) + ask.sequenceOff }),
    note: id,
  };
  const lifting = { ...common, ifAlready: ask.ifAlready === "restart" ? ("refuse" as const) : ask.ifAlready };
  switch (ask.do) {
    case "lock":
    case "ban": {
      const expiry = expiryOf(ask.expiry, now);
      const startTime = ask.startMs === undefined ? {} : { startTime: now + ask.startMs };
      const imposed = { ...common, restrictionId: id, expiry, ...startTime };
      return ask.do === "ban" ? say.ban(imposed) : say.lock({ ...imposed, revokeSessions: ask.revokeSessions });
    }
    case "deactivate":
      return say.deactivate({ ...common, restrictionId: id, cause: ask.cause });
    case "unlock":
      return say.unlock(lifting);
    case "unban":
      return say.unban(lifting);
    case "reactivate":
      return say.reactivate({ ...lifting, cause: ask.cause });
    default:
      return ask satisfies never;
  }
}

/** One step of a history, with what was before and what came of it. */
export interface Passage extends Step {
  readonly now: number;
  readonly command: UserCommand;
  readonly before: User | undefined;
}

/**
 * Goes through a history as a store does: what is refused writes nothing, and the user that is kept is the one of the
 * last write. `before` of each passage is what was kept.
 */
export function live(history: readonly Plan[]): readonly Passage[] {
  const passages: Passage[] = [];
  let now = BIRTH;
  let kept: User | undefined;
  for (const [index, each] of history.entries()) {
    now += each.waitMs;
    const command = commandOf(each, index, now, kept);
    const done = step(kept, command, now);
    passages.push({ ...done, now, command, before: kept });
    if (done.decision.ok && done.user !== undefined) kept = done.user;
  }
  return passages;
}

export function eventsOf(passages: readonly Passage[]): readonly UserEvent[] {
  return passages.flatMap(({ events }) => events);
}

/** The user that is kept at the end. */
export function keptOf(passages: readonly Passage[]): User | undefined {
  const last = passages.at(-1);
  return last === undefined ? undefined : last.decision.ok ? (last.user ?? last.before) : last.before;
}
