/** Evaluates conditions on settled users, the same for every engine; also the keys that order users. */

import { toSearchKey } from "../../domain/search-key.ts";
import { nextDue, STATES, type State, stateOf, type User } from "../../domain/user.ts";
import type { UserPredicate, UserSearchOrder } from "../queries.ts";

export type Matches = (user: User) => boolean;

type TextPredicate = Extract<UserPredicate, { kind: "text" }>;

/**
 * Returns the condition as a function. What does not depend on the user is computed once. The function reads a user's
 * person only if a condition needs it, so an engine may load the person late.
 */
export function compilePredicate(predicate: UserPredicate): Matches {
  return compile(predicate, new Normaliser());
}

/** Normalises a text once where many conditions compare the same text of the same user. */
class Normaliser {
  readonly #last = new Map<string, { readonly text: string; readonly key: string }>();

  keyOf(field: string, text: string): string {
    const last = this.#last.get(field);
    if (last?.text === text) return last.key;
    const key = toSearchKey(text);
    this.#last.set(field, { text, key });
    return key;
  }
}

function compile(predicate: UserPredicate, normaliser: Normaliser): Matches {
  switch (predicate.kind) {
    case "and": {
      const all = predicate.of.map((each) => compile(each, normaliser));
      return (user) => all.every((matches) => matches(user));
    }
    case "or":
      return compileOr(predicate.of, normaliser);
    case "not": {
      const matches = compile(predicate.of, normaliser);
      return (user) => !matches(user);
    }
    case "state": {
      const states: ReadonlySet<State> = new Set(predicate.states);
      return (user) => states.has(stateOf(user.state));
    }
    case "restriction": {
      const { kinds, reasonCodes, isStarted } = predicate;
      // One and the same restriction has the kind and the reason code.
      return (user) =>
        user.state.restrictions.some(
          ({ kind, reasonCode, started }) =>
            (kinds === undefined || kinds.includes(kind)) &&
            (reasonCodes === undefined || reasonCodes.includes(reasonCode)) &&
            (started || !isStarted),
        );
    }
    case "due":
      return ({ state }) => (nextDue(state) ?? Infinity) < predicate.before;
    case "organization": {
      const ids = new Set(predicate.ids);
      return (user) => ids.has(user.state.organizationId);
    }
    case "namespace":
      return (user) => Object.hasOwn(user.person.attributes, predicate.name);
    case "text":
      return compileText(predicate, normaliser);
    case "time": {
      const { from = -Infinity, before = Infinity } = predicate;
      return ({ state }) => {
        const time = predicate.of === "creation" ? state.creationTime : state.changeTime;
        return time >= from && time < before;
      };
    }
    default:
      return predicate satisfies never;
  }
}

/** Looks values up in a set: a long list of ids or addresses is not searched for every user. */
function compileOr(predicates: readonly UserPredicate[], normaliser: Normaliser): Matches {
  const sets = new Map<string, { readonly of: TextPredicate; readonly values: Set<string> }>();
  const others: Matches[] = [];
  for (const predicate of predicates) {
    if (predicate.kind !== "text" || predicate.method !== "equals" || isBlank(predicate)) {
      others.push(compile(predicate, normaliser));
      continue;
    }
    const name = `${predicate.field} ${predicate.ignoreCase}`;
    const set = sets.get(name) ?? { of: predicate, values: new Set<string>() };
    set.values.add(predicate.ignoreCase ? toSearchKey(predicate.value) : predicate.value);
    sets.set(name, set);
  }
  const lookups = [...sets.values()];
  return (user) =>
    lookups.some(({ of, values }) => {
      const text = textOf(user, of.field);
      return text !== undefined && values.has(comparable(text, of, normaliser));
    }) || others.some((matches) => matches(user));
}

/** Returns whether normalising leaves an empty text, which every text contains. */
function isBlank({ ignoreCase, value }: TextPredicate): boolean {
  return ignoreCase && toSearchKey(value) === "";
}

function compileText(predicate: TextPredicate, normaliser: Normaliser): Matches {
  const wanted = predicate.ignoreCase ? toSearchKey(predicate.value) : predicate.value;
  const { method, field } = predicate;
  if (isBlank(predicate)) return () => false;
  return (user) => {
    const text = textOf(user, field);
    if (text === undefined) return false;
    const found = comparable(text, predicate, normaliser);
    if (method === "equals") return found === wanted;
    if (method === "starts_with") return found.startsWith(wanted);
    return method === "ends_with" ? found.endsWith(wanted) : found.includes(wanted);
  };
}

function comparable(text: string, { field, ignoreCase }: TextPredicate, normaliser: Normaliser): string {
  return ignoreCase ? normaliser.keyOf(field, text) : text;
}

function textOf(user: User, field: TextPredicate["field"]): string | undefined {
  return field === "id" ? user.state.id : user.person.profile[field];
}

/** Returns the number of conditions, ids included; stops at `max`. */
export function countConditions(predicate: UserPredicate, max: number): number {
  let count = 0;
  const waiting: UserPredicate[] = [predicate];
  for (let next = waiting.pop(); next !== undefined && count < max; next = waiting.pop()) {
    count++;
    if (next.kind === "not") waiting.push(next.of);
    else if (next.kind === "and" || next.kind === "or") waiting.push(...next.of);
    else if (next.kind === "organization") count += next.ids.length;
  }
  return count;
}

/** Returns whether every user matches. */
export function isTrivial(predicate: UserPredicate): boolean {
  return predicate.kind === "and" && predicate.of.every(isTrivial);
}

/** Which parts of persons are read. */
export interface PersonReads {
  readonly profile: boolean;
  readonly attributes: boolean;
}

/** Returns what the condition, and the key that orders users, read of a person. `by`: absent, no key. */
export function personReadsOf(where: UserPredicate, by?: UserSearchOrder["by"]): PersonReads {
  let [profile, attributes] = [by !== undefined && !STATE_ORDERS.has(by), false];
  const waiting: UserPredicate[] = [where];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    if (next.kind === "not") waiting.push(next.of);
    else if (next.kind === "and" || next.kind === "or") waiting.push(...next.of);
    else if (next.kind === "namespace") attributes = true;
    else if (next.kind === "text" && next.field !== "id") profile = true;
  }
  return { profile, attributes };
}

/** The orders that need no person. */
const STATE_ORDERS: ReadonlySet<UserSearchOrder["by"]> = new Set(["id", "creation", "change", "state"]);

/** The value that orders a user; `null` comes last. */
export type OrderKey = string | number | null;

export function orderKeyOf(user: User, by: UserSearchOrder["by"]): OrderKey {
  const { state } = user;
  switch (by) {
    case "id":
      return state.id;
    case "creation":
      return state.creationTime;
    case "change":
      return state.changeTime;
    case "state":
      return STATES.indexOf(stateOf(state));
    default: {
      const text = user.person.profile[by];
      return text === undefined ? null : toSearchKey(text);
    }
  }
}

export interface Ordered {
  readonly id: string;
  readonly key: OrderKey;
}

/** Compares for sorting; a negative result: `a` comes first. */
export function compareOrdered(a: Ordered, b: Ordered, { descending }: UserSearchOrder): number {
  if (a.key === null || b.key === null) {
    if (a.key !== b.key) return a.key === null ? 1 : -1;
  } else if (a.key !== b.key) {
    const difference =
      typeof a.key === "number" && typeof b.key === "number" ? a.key - b.key : compareText(`${a.key}`, `${b.key}`);
    return descending ? -difference : difference;
  }
  const difference = compareText(a.id, b.id);
  return descending ? -difference : difference;
}

/** Compares by code points, as databases order UTF-8; JavaScript compares UTF-16 units. */
function compareText(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x !== y) return isSurrogate(x) === isSurrogate(y) ? x - y : isSurrogate(x) ? 1 : -1;
  }
  return a.length - b.length;
}

function isSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdfff;
}
