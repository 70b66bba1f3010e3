/** Decision tables: a command and, per state of the user, what becomes of it. */
import type { UserCommand } from "../../../src/domain/command.ts";
import { stateOf, type User } from "../../../src/domain/user.ts";
import { letterOf, NOW, step } from "./given.ts";
import { ABSENT, PRESENT, STATE_NAMES, STATES_OF_A_USER, type StateName } from "./states.ts";

export interface DecisionTable {
  readonly command: UserCommand;
  /**
   * One line per outcome: `states | event | state, restrictions | epoch`, or `states | REASON`, or `states | nothing`.
   * `present`: every state that no line before names and whose user is there; `absent`: the others.
   * Restrictions by letter: L lock, P lock by policy, B ban, D deactivation, R by directory; `~`: scheduled.
   * `=`: as before.
   */
  readonly rows: string;
}

export interface Row {
  readonly state: StateName;
  /** `UserLocked | LOCKED L | +1`, `USER_NOT_FOUND` or `nothing`. */
  readonly expected: string;
}

/** Every state once; throws when a line names none that there is, or one that a line before named. */
export function rowsOf({ rows }: DecisionTable): readonly Row[] {
  const found = new Map<StateName, string>();
  for (const line of rows.trim().split("\n")) {
    const [states = "", ...cells] = line.split("|").map((cell) => cell.trim());
    const expected = cells.filter((cell) => cell !== "").join(" | ");
    for (const state of statesOf(states, found)) {
      if (found.has(state)) throw new Error(`the state ${state} has two rows`);
      found.set(state, expected);
    }
  }
  return [...found].map(([state, expected]) => ({ state, expected: withSame(expected, STATES_OF_A_USER[state]) }));
}

function statesOf(text: string, found: ReadonlyMap<StateName, string>): readonly StateName[] {
  if (text === "present") return PRESENT.filter((state) => !found.has(state));
  if (text === "absent") return ABSENT.filter((state) => !found.has(state));
  return text.split(/\s+/).map((name) => {
    const state = STATE_NAMES.find((each) => each === name);
    if (state === undefined) throw new Error(`there is no state ${name}`);
    return state;
  });
}

function withSame(expected: string, user: User | undefined): string {
  return user === undefined ? expected : expected.replace("=", summary(user));
}

/** What becomes of the command, in the words of a row. */
export function outcomeOf(command: UserCommand, before: User | undefined): string {
  const { decision, user } = step(before, command, NOW);
  if (!decision.ok) return decision.refusal.reason;
  if (decision.events.length === 0) return "nothing";
  if (user === undefined) throw new Error("events without a user");
  const epochs = user.state.epoch - (before?.state.epoch ?? 1);
  const cells = [decision.events.map((event) => event.type).join(", "), summary(user)];
  if (epochs !== 0) cells.push(`+${epochs}`);
  return cells.join(" | ");
}

function summary({ state }: User): string {
  return [stateOf(state), ...state.restrictions.map(letterOf)].join(" ");
}
