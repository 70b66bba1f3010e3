/** Random users and conditions for searches, and whether a condition holds by going through everybody. */
import assert from "node:assert/strict";
import { toSearchKey } from "../../../src/domain/search-key.ts";
import type { State, User } from "../../../src/domain/user.ts";
import { stateOf } from "../../../src/domain/user.ts";
import type { UserPredicate, UserSearch, UserSearchOrder } from "../../../src/store/queries.ts";
import type { Store } from "../../../src/store/store.ts";
import type { Random } from "../../support/random.ts";
import type { OpenStore } from "../contract/contract.ts";
import { banUser, createOrganization, createUser, deleteUser, lockUser } from "./commands.ts";
import { resourceOf } from "./outcomes.ts";
import { START_TIME } from "./sqlite-fixture.ts";

export const EVERYBODY: UserPredicate = { kind: "and", of: [] };
const NAMES = ["Ann", "ann", "ANNA", "Bob", "Straße", "strasse", "\ufb01n", "😀", "\uffee", "Zoë"];
export const ORDERS: readonly UserSearchOrder["by"][] = ["id", "creation", "change", "state", "username", "familyName"];

export function searchOf(more: Partial<UserSearch> = {}): UserSearch {
  const order = { by: "creation", descending: false } as const;
  return { organizationId: null, where: EVERYBODY, order, offset: 0, limit: 100, ...more };
}

export async function idsOf(store: Store, search: UserSearch): Promise<readonly string[]> {
  return (await store.searchUsers(search)).users.map(({ state }) => state.id);
}

/** Sixty users of two organizations, some locked for a while, banned, deleted or nameless. */
export async function fill({ store, clock }: Awaited<ReturnType<OpenStore>>, random: Random): Promise<readonly User[]> {
  resourceOf(await store.execute(createOrganization("other")));
  const users: User[] = [];
  for (let i = 0; i < 60; i++) {
    clock.time += random.below(3);
    const name = random.pick(NAMES);
    const [first = ""] = name;
    const id = `${first}-${String(i).padStart(2, "0")}`;
    const profile = random.below(5) === 0 ? {} : { username: `${name}${i % 7}`, email: `${name}@${i % 4}.Example.com` };
    const family = i % 3 === 0 ? { familyName: name } : {};
    await store.execute(
      createUser(id, {
        organizationId: random.below(3) === 0 ? "other" : "default",
        profile: { ...profile, ...family },
        attributes: i % 4 === 0 ? { flag: "{}" } : {},
      }),
    );
    if (i % 5 === 0) resourceOf(await store.execute(lockUser(id, { expiry: { kind: "for", durationMs: 30 } })));
    if (i % 6 === 0) resourceOf(await store.execute(banUser(id)));
    if (i % 11 === 0) resourceOf(await store.execute(deleteUser(id)));
    const user = await store.readUser(id);
    assert.ok(user !== undefined);
    users.push(user);
  }
  // Some locks have expired by now; nobody has written that down.
  clock.time += 20;
  const settled: User[] = [];
  for (const { state } of users) {
    const user = await store.readUser(state.id);
    if (user !== undefined && !user.state.deleted) settled.push(user);
  }
  return settled;
}

/** The condition once more, in the plainest words. */
export function holds(predicate: UserPredicate, user: User): boolean {
  const { state, person } = user;
  switch (predicate.kind) {
    case "and":
      return !predicate.of.some((each) => !holds(each, user));
    case "or":
      return predicate.of.filter((each) => holds(each, user)).length > 0;
    case "not":
      return holds(predicate.of, user) === false;
    case "state":
      return predicate.states.includes(stateOf(state));
    case "restriction":
      return (
        state.restrictions.filter((r) => {
          if (predicate.isStarted && !r.started) return false;
          return [predicate.kinds?.includes(r.kind), predicate.reasonCodes?.includes(r.reasonCode)].every(
            (fits) => fits !== false,
          );
        }).length > 0
      );
    case "due": {
      const times = state.restrictions.flatMap((r) => (r.started ? [r.expireTime ?? Infinity] : [r.startTime]));
      return Math.min(...times) < predicate.before;
    }
    case "organization":
      return predicate.ids.includes(state.organizationId);
    case "namespace":
      return Object.keys(person.attributes).includes(predicate.name);
    case "time": {
      const time = predicate.of === "creation" ? state.creationTime : state.changeTime;
      return (
        !(predicate.from !== undefined && time < predicate.from) &&
        !(predicate.before !== undefined && time >= predicate.before)
      );
    }
    case "text": {
      const text = predicate.field === "id" ? state.id : person.profile[predicate.field];
      if (text === undefined) return false;
      const [have, want] = predicate.ignoreCase
        ? [toSearchKey(text), toSearchKey(predicate.value)]
        : [text, predicate.value];
      if (predicate.ignoreCase && want === "") return false;
      const at = have.indexOf(want);
      if (predicate.method === "contains") return at >= 0;
      if (predicate.method === "starts_with") return at === 0;
      return predicate.method === "equals"
        ? have === want
        : have.slice(have.length - want.length) === want && have.length >= want.length;
    }
    default:
      return predicate satisfies never;
  }
}

const STATES: readonly State[] = ["BANNED", "INACTIVE", "LOCKED", "ACTIVE"];
const METHODS = ["equals", "starts_with", "ends_with", "contains"] as const;
const FIELDS = ["id", "username", "email", "familyName"] as const;

export function randomPredicate(random: Random, depth: number): UserPredicate {
  const pick = <T>(from: readonly T[]): T => random.pick(from);
  const some = (): UserPredicate[] => Array.from({ length: random.below(4) }, () => randomPredicate(random, depth - 1));
  switch (random.below(depth > 0 ? 10 : 7)) {
    case 0:
      if (random.below(3) === 0) return { kind: "due", before: START_TIME + random.below(120) };
      return { kind: "state", states: STATES.filter(() => random.below(2) === 0) };
    case 1:
      return {
        kind: "restriction",
        kinds: [pick(["LOCK", "BAN"])],
        isStarted: random.below(2) === 0,
        ...(random.below(3) === 0 ? { reasonCodes: [pick(["", "fraud"])] } : {}),
      };
    case 2:
      return { kind: "organization", ids: pick([["default"], ["other"], ["default", "other"], []]) };
    case 3:
      return { kind: "namespace", name: pick(["flag", "constructor"]) };
    case 4: {
      const from = START_TIME + random.below(60);
      return {
        kind: "time",
        of: pick(["creation", "change"]),
        from,
        ...(random.below(2) === 0 ? {} : { before: from + 30 }),
      };
    }
    case 5:
    case 6: {
      const value = pick([...NAMES, "a", "n", "@1", ".com", "Ann0", "S", ""]);
      return { kind: "text", field: pick(FIELDS), method: pick(METHODS), ignoreCase: random.below(2) === 0, value };
    }
    case 7:
      return { kind: "and", of: some() };
    case 8:
      return { kind: "or", of: some() };
    default:
      return { kind: "not", of: randomPredicate(random, depth - 1) };
  }
}
