/** The checks of a session that are possible here (the user exists), and the errors around sessions. */
import { Code } from "@connectrpc/connect";
import type { RequestChallenges } from "@zitadel/proto/zitadel/session/v2/challenge_pb.js";
import type { Checks, CheckUser } from "@zitadel/proto/zitadel/session/v2/session_service_pb.js";
import type { Reason } from "../../../domain/refusal.ts";
import type { SessionStatus } from "../../../domain/session.ts";
import { refusalOf } from "../../../service/errors.ts";
import type { Operations, SessionView, UserView } from "../../../service/operations/operations.ts";
import { findUser, NOT_FOUND, readUserByLoginName } from "../users/user-list.ts";
import { byReason, type KnownError, toError } from "../wire/error.ts";
import type { ZitadelCall } from "../wire/handler.ts";

/** ZITADEL's errors, and one of ours for what ZITADEL allows: sessions without a user. */
export const SESSION_ERRORS = {
  notFound: { code: Code.NotFound, id: "QUERY-SFeaa", text: "Session does not exist" },
  tokenRefused: { code: Code.PermissionDenied, id: "QUERY-dsfr3", text: "Permission denied" },
  tokenInvalid: { code: Code.PermissionDenied, id: "COMMAND-sGr42", text: "Session Token is invalid" },
  notExisting: { code: Code.FailedPrecondition, id: "COMMAND-Flk38", text: "Session does not exist" },
  terminated: { code: Code.FailedPrecondition, id: "COMMAND-Hewfq", text: "Session already terminated" },
  expired: { code: Code.FailedPrecondition, id: "COMMAND-Hkl3d", text: "Session has expired" },
  userNotActive: { code: Code.FailedPrecondition, id: "SESSION-Gj4ko", text: "Errors.User.NotActive" },
  userChange: { code: Code.InvalidArgument, id: "DOM-78g1TV", text: "user change not possible" },
  userRequired: {
    code: Code.InvalidArgument,
    id: "SESSION_USER_REQUIRED",
    text: "a session is opened for a user here; name the user in checks.user",
  },
} as const satisfies Readonly<Record<string, KnownError>>;

/** For a lifetime that needs more than the session's token. Both in milliseconds since the epoch. */
export function lifetimeRefused(asked: number, end: number): KnownError {
  const [askedDate, endDate] = [asked, end].map((time) => new Date(time).toISOString());
  const text = `the lifetime ends at ${askedDate}; with the session's token alone it must end at ${endDate}, as the session does, or before`;
  return { code: Code.PermissionDenied, id: "SESSION_LIFETIME_REFUSED", text };
}

const CREDENTIAL_CHECKS = ["password", "webAuthN", "idpIntent", "totp", "otpSms", "otpEmail"] as const;
const CHALLENGES = ["webAuthN", "otpSms", "otpEmail"] as const;

/**
 * Throws UNIMPLEMENTED for checks that would have to be verified: the session would claim what nobody checked. That
 * includes checks that only later versions know.
 */
export function assertOnlyUser(checks: Checks | undefined, challenges: RequestChallenges | undefined): void {
  const check = CREDENTIAL_CHECKS.find((name) => checks?.[name] !== undefined);
  if (check !== undefined) throw toError(unsupported("CHECK_UNSUPPORTED", `checks.${check}`));
  const challenge = CHALLENGES.find((name) => challenges?.[name] !== undefined);
  if (challenge !== undefined) throw toError(unsupported("CHALLENGE_UNSUPPORTED", `challenges.${challenge}`));
  const [unknown] = [...(checks?.$unknown ?? []), ...(challenges?.$unknown ?? [])];
  if (unknown !== undefined) throw toError(unsupported("CHECK_UNSUPPORTED", `check or challenge ${unknown.no}`));
}

function unsupported(id: string, what: string): KnownError {
  const text = `${what} is not served: no credentials are verified here; verify them elsewhere and send checks.user alone`;
  return { code: Code.Unimplemented, id, text };
}

/**
 * Returns the user to check; `undefined` if none is named. Throws if it is not in the caller's scope or may not act.
 */
export async function readCheckedUser(
  operations: Operations,
  user: CheckUser | undefined,
  call: ZitadelCall,
): Promise<UserView | undefined> {
  const { case: kind, value } = user?.search ?? {};
  if (kind === undefined || value === undefined) return undefined;
  const view =
    kind === "userId"
      ? await findUser(operations, value, call.admission.actor.scope)
      : await readUserByLoginName(operations, value, call);
  if (view.state !== "ACTIVE") throw toError(SESSION_ERRORS.userNotActive);
  return view;
}

/** Throws for a session that does not verify, and for one whose user is locked but kept it. */
export function assertNotEnded({ status, user }: SessionView): void {
  if (status !== "ACTIVE") throw toError(endedBy(status));
  if (user.restrictions.some(({ started }) => started)) throw toError(SESSION_ERRORS.userNotActive);
}

function endedBy(status: string | undefined): KnownError {
  const isExpired = status === ("EXPIRED" satisfies SessionStatus) || status === ("IDLE" satisfies SessionStatus);
  return isExpired ? SESSION_ERRORS.expired : SESSION_ERRORS.terminated;
}

/** What became true between the read and the command. */
const FAULTS: Readonly<Partial<Record<Reason, (status: string | undefined) => KnownError>>> = {
  SESSION_ENDED: endedBy,
  SESSION_NOT_FOUND: () => SESSION_ERRORS.notExisting,
  USER_MAY_NOT_ACT: () => SESSION_ERRORS.userNotActive,
  USER_NOT_FOUND: () => NOT_FOUND,
};

/** Returns a refusal of the command in ZITADEL's words, if it has any. */
export function knownSessionError(error: unknown): unknown {
  const known = byReason(error, FAULTS)?.(refusalOf(error)?.metadata.status);
  return known === undefined ? error : toError(known, error);
}
