/** What staff can do to a user: each act with its RPC, its permission, and what it takes and leaves. */
import { Cause, type Restriction, RestrictionKind } from "../../../../gen/lockkeeper/resource/v1/restriction_pb.ts";
import type { SessionService } from "../../../../gen/lockkeeper/session/v1/session_service_pb.ts";
import { State, type User } from "../../../../gen/lockkeeper/user/v1/user_pb.ts";
import type { UserService } from "../../../../gen/lockkeeper/user/v1/user_service_pb.ts";
import type { Permission } from "../../app/permissions.ts";

export const ACT_NAMES = [
  "lock",
  "unlock",
  "ban",
  "unban",
  "deactivate",
  "reactivate",
  "reactivateDirectory",
  "endSessions",
] as const;
export type ActName = (typeof ACT_NAMES)[number];

interface Act {
  /** The kind that it imposes or lifts; UNSPECIFIED: none. */
  readonly kind: RestrictionKind;
  /** The one cause that it lifts, where causes are lifted one by one. */
  readonly cause?: Cause;
  readonly permission: Permission;
  /** Whether it restricts the user, or lifts what does. */
  readonly restricts: boolean;
  /** The act that takes it back; undefined if there is none. */
  readonly back: ActName | undefined;
  /** Whether the caller says when it begins and ends: seconds from now that are offered, and what holds if nothing is chosen. */
  readonly ends?: { readonly presets: readonly number[]; readonly byDefault: "default" | "never" };
  /** `always`: it ends the user's sessions; `asked`: if the caller wants so. */
  readonly endsSessions: "always" | "asked" | "no";
}

const HOUR = 3_600;
const DAY = 24 * HOUR;

export const ACTS: Readonly<Record<ActName, Act>> = {
  lock: {
    kind: RestrictionKind.LOCK,
    permission: "user.write",
    restricts: true,
    back: "unlock",
    ends: { presets: [HOUR / 4, HOUR, DAY, 7 * DAY], byDefault: "default" },
    endsSessions: "asked",
  },
  unlock: lifting(RestrictionKind.LOCK),
  ban: {
    kind: RestrictionKind.BAN,
    permission: "user.write",
    restricts: true,
    back: "unban",
    ends: { presets: [DAY, 7 * DAY, 30 * DAY, 365 * DAY], byDefault: "never" },
    endsSessions: "always",
  },
  unban: lifting(RestrictionKind.BAN),
  deactivate: {
    kind: RestrictionKind.DEACTIVATION,
    permission: "user.write",
    restricts: true,
    back: "reactivate",
    endsSessions: "always",
  },
  reactivate: { ...lifting(RestrictionKind.DEACTIVATION), cause: Cause.ADMIN },
  reactivateDirectory: { ...lifting(RestrictionKind.DEACTIVATION), cause: Cause.DIRECTORY },
  endSessions: { ...lifting(RestrictionKind.UNSPECIFIED), permission: "session.delete", endsSessions: "always" },
};

function lifting(kind: RestrictionKind): Act {
  return { kind, permission: "user.write", restricts: false, back: undefined, endsSessions: "no" };
}

/** The RPC of each act. */
export const RPC_OF = {
  lock: "lockUser",
  unlock: "unlockUser",
  ban: "banUser",
  unban: "unbanUser",
  deactivate: "deactivateUser",
  reactivate: "reactivateUser",
  reactivateDirectory: "reactivateUser",
  endSessions: "revokeUserSessions",
} as const satisfies Record<ActName, keyof typeof UserService.method | keyof typeof SessionService.method>;

/** Returns the act of a name; undefined for another text. */
export function actOf(text: string | null): ActName | undefined {
  return ACT_NAMES.find((name) => name === text);
}

/** What lifts, in the order of the states: first what decides. */
const LIFTS: readonly ActName[] = ["unban", "reactivate", "reactivateDirectory", "unlock"];

/** Returns what can be done to a user now: first what lifts, then what restricts. */
export function actsFor({ state, restrictions }: User): readonly ActName[] {
  if (state === State.DELETED) return [];
  const has = (kind: RestrictionKind, cause?: Cause): boolean =>
    restrictions.some((each) => each.kind === kind && (cause === undefined || each.cause === cause));
  return [
    ...LIFTS.filter((name) => has(ACTS[name].kind, ACTS[name].cause)),
    ...ACT_NAMES.filter((name) => ACTS[name].restricts && !has(ACTS[name].kind, Cause.ADMIN)),
  ];
}

/** Returns the act that lifts a restriction. */
export function liftOf({ kind, cause }: Restriction): ActName {
  return LIFTS.find((name) => ACTS[name].kind === kind && (ACTS[name].cause ?? cause) === cause) ?? "unlock";
}

/**
 * Returns what still restricts the user after an act: unlocking lifts every lock, the others what they are about. `lifted`:
 * the restriction that is lifted.
 */
export function remainingAfter(user: User, act: ActName, lifted?: Restriction): readonly Restriction[] {
  const isLifted = (each: Restriction): boolean =>
    each.kind === ACTS[act].kind && (act === "unlock" || lifted === undefined || each.cause === lifted.cause);
  return user.restrictions.filter((each) => !isLifted(each));
}
