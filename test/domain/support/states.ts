/** The states of a user that the tables go through, by name. */
import type { User } from "../../../src/domain/user.ts";
import { after, BIRTH, CONTEXT, created, DAY, HOUR, imported, say } from "./given.ts";

const T1 = BIRTH + HOUR;
const T2 = BIRTH + 2 * HOUR;
const T3 = BIRTH + 3 * HOUR;
const T4 = BIRTH + 4 * HOUR;
const T5 = BIRTH + 5 * HOUR;
const LATER = BIRTH + 30 * DAY;
const never = { kind: "never" } as const;
const until = { kind: "at", time: LATER } as const;
const elsewhere = { ...CONTEXT, scope: "other" } as const;

const lock = say.lock({ restrictionId: "lock", expiry: until });
const policyLock = say.import({
  ifExists: "update",
  restrictions: [imported({ id: "policy", cause: "POLICY", expiry: until })],
});
const ban = say.ban({ restrictionId: "ban", expiry: never });
const deactivation = say.deactivate({ restrictionId: "off" });
const directory = say.deactivate({ restrictionId: "directory", cause: "DIRECTORY" });
const scheduledLock = say.lock({ restrictionId: "lock", expiry: never, startTime: LATER });
const scheduledBan = say.ban({ restrictionId: "ban", expiry: never, startTime: LATER });
const foreign = created({ organizationId: "other", context: elsewhere });

export const STATES_OF_A_USER = {
  never: undefined,
  active: created(),
  locked: after(created(), [lock, T1]),
  "policy-locked": after(created(), [policyLock, T1]),
  "twice-locked": after(created(), [lock, T1], [policyLock, T2]),
  "lock-scheduled": after(created(), [scheduledLock, T1]),
  "policy-locked-lock-scheduled": after(created(), [policyLock, T1], [scheduledLock, T2]),
  banned: after(created(), [ban, T1]),
  "ban-scheduled": after(created(), [scheduledBan, T1]),
  "locked-banned": after(created(), [lock, T1], [ban, T2]),
  "locked-ban-scheduled": after(created(), [lock, T1], [scheduledBan, T2]),
  off: after(created(), [deactivation, T1]),
  "off-by-directory": after(created(), [directory, T1]),
  "twice-off": after(created(), [deactivation, T1], [directory, T2]),
  "locked-off": after(created(), [lock, T1], [deactivation, T2]),
  "banned-off": after(created(), [ban, T1], [deactivation, T2]),
  everything: after(created(), [lock, T1], [policyLock, T2], [ban, T3], [deactivation, T4], [directory, T5]),
  deleted: after(created(), [say.delete(), T1]),
  "deleted-locked": after(created(), [lock, T1], [say.delete(), T2]),
  "deleted-banned": after(created(), [ban, T1], [say.delete(), T2]),
  "deleted-ban-scheduled": after(created(), [scheduledBan, T1], [say.delete(), T2]),
  foreign,
  "foreign-deleted": after(foreign, [say.delete({ context: elsewhere }), T1]),
} as const satisfies Readonly<Record<string, User | undefined>>;

export type StateName = keyof typeof STATES_OF_A_USER;

export const STATE_NAMES = Object.keys(STATES_OF_A_USER) as readonly StateName[];

/** Those that a caller of the tables' organization may see and act upon. */
export const PRESENT: readonly StateName[] = STATE_NAMES.filter((name) => {
  const user: User | undefined = STATES_OF_A_USER[name];
  return user !== undefined && !user.state.deleted && user.state.organizationId === CONTEXT.scope;
});

/** Users that this caller must not be able to tell from a user that never existed. */
export const ABSENT: readonly StateName[] = STATE_NAMES.filter((name) => !PRESENT.includes(name));
