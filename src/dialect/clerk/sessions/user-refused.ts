/** Why a user gets no session, in Clerk's words. */
import type { UserView } from "../../../service/operations/operations.ts";
import { secondsUntilUnlocked } from "../users/user-json.ts";
import { ClerkError, clerkError } from "../wire/clerk-error.ts";

/** `state`: the user's state at the refusal. `view`: the user a moment later; absent if deleted by then. */
export function userMayNotAct(state: string | undefined, view: UserView | undefined, cause: unknown): ClerkError {
  if (state === "LOCKED") return userLocked(view, cause);
  if (state === "BANNED") {
    const longMessage = "You have been banned. If you think this was by mistake, please contact support.";
    return clerkError(403, "user_banned", "User banned", longMessage, { cause });
  }
  const deactivations = view?.user.state.restrictions.filter((each) => each.kind === "DEACTIVATION" && each.started);
  if (deactivations?.length && deactivations.every((each) => each.cause === "DIRECTORY")) {
    const longMessage =
      "The target user's account has been deprovisioned according to their external identity provider";
    return clerkError(400, "deprovisioned", "account deprovisioned", longMessage, { cause });
  }
  const longMessage = "You have been deactivated. Please contact support.";
  return clerkError(403, "user_deactivated", "User deactivated", longMessage, { cause });
}

/** The SDK drops error properties that it does not know: the text contains the time as well. */
function userLocked(view: UserView | undefined, cause: unknown): ClerkError {
  const locks = view?.user.state.restrictions.filter(({ kind, started }) => kind === "LOCK" && started) ?? [];
  const seconds = view === undefined ? null : secondsUntilUnlocked(locks, view.now);
  const again = seconds === null ? "" : ` You will be able to try again in ${inWords(seconds)}.`;
  const longMessage = `Your account is locked.${again} For more information, please contact support.`;
  const entry = { code: "user_locked", message: "Account locked", longMessage };
  return new ClerkError(403, [seconds === null ? entry : { ...entry, lockoutSeconds: seconds }], { cause });
}

const UNITS: readonly (readonly [seconds: number, name: string])[] = [
  [86_400, "day"],
  [3_600, "hour"],
  [60, "minute"],
];

/** Rounded up, so that nobody retries too early. */
function inWords(seconds: number): string {
  const [length, name] = UNITS.find(([each]) => seconds >= each) ?? [1, "second"];
  const count = Math.ceil(seconds / length);
  return `${count} ${name}${count === 1 ? "" : "s"}`;
}
