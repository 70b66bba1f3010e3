/** Lock, unlock, deactivate, reactivate and delete for all four services: one set of rules, and tables of errors. */
import { Code } from "@connectrpc/connect";
import type { Reason } from "../../../domain/refusal.ts";
import type { State } from "../../../domain/user.ts";
import {
  NOWHERE,
  type Operations,
  readScope,
  type UserChange,
  type UserView,
} from "../../../service/operations/operations.ts";
import { byReason, ERRORS, type KnownError, toError } from "../wire/error.ts";
import type { ZitadelCall } from "../wire/handler.ts";
import { INITIAL_NAMESPACE, isInitial } from "./person-attributes.ts";

/** `v2` stands for user v2 and v2beta, which share their commands. */
export type Family = "v1" | "v2" | "v3alpha";

export type Act = "lock" | "unlock" | "deactivate" | "reactivate" | "delete";

/** The errors of one act: no such user, a state that does not allow it, and a user that is not initialised. */
interface ActErrors {
  readonly notFound: KnownError;
  readonly wrongState?: KnownError;
  readonly initial?: KnownError;
}

const NOT_FOUND = "User could not be found";

function notFound(id: string): KnownError {
  return { code: Code.NotFound, id, text: NOT_FOUND };
}

function precondition(id: string, text: string): KnownError {
  return { code: Code.FailedPrecondition, id, text };
}

const SHOULD_BE_ACTIVE_OR_INITIAL = "User is not active or initial";
const NOT_LOCKED = "User is not locked";
const CANT_DEACTIVATE_INITIAL = "User with state initial can only be deleted not deactivated";
const ALREADY_INACTIVE = "User already inactive";
const NOT_INACTIVE = "User is not inactive";

/** In v3alpha a user in the wrong state is answered as not found. */
const ACT_ERRORS: Readonly<Record<Family, Readonly<Record<Act, ActErrors>>>> = {
  v1: {
    lock: {
      notFound: notFound("COMMAND-5M9fs"),
      wrongState: precondition("COMMAND-3NN8v", SHOULD_BE_ACTIVE_OR_INITIAL),
    },
    unlock: { notFound: notFound("COMMAND-M0dos"), wrongState: precondition("COMMAND-4M0ds", NOT_LOCKED) },
    deactivate: {
      notFound: notFound("COMMAND-3M9ds"),
      wrongState: precondition("COMMAND-5M0sf", ALREADY_INACTIVE),
      initial: { code: Code.NotFound, id: "COMMAND-ke0fw", text: CANT_DEACTIVATE_INITIAL },
    },
    reactivate: { notFound: notFound("COMMAND-4M0sd"), wrongState: precondition("COMMAND-6M0sf", NOT_INACTIVE) },
    delete: { notFound: notFound("COMMAND-m9od") },
  },
  v2: {
    lock: {
      notFound: notFound("COMMAND-450yxuqrh1"),
      wrongState: precondition("COMMAND-lgws8wtsqf", SHOULD_BE_ACTIVE_OR_INITIAL),
    },
    unlock: { notFound: notFound("COMMAND-x377t913pw"), wrongState: precondition("COMMAND-olb9vb0oca", NOT_LOCKED) },
    deactivate: {
      notFound: notFound("COMMAND-5gp2p62iin"),
      wrongState: precondition("COMMAND-5gunjw0cd7", ALREADY_INACTIVE),
      initial: precondition("COMMAND-gvx4kct9r2", CANT_DEACTIVATE_INITIAL),
    },
    reactivate: {
      notFound: notFound("COMMAND-9hy5kzbuk6"),
      wrongState: precondition("COMMAND-s5qqcz97hf", NOT_INACTIVE),
    },
    delete: { notFound: notFound("COMMAND-bd4ir1mblj") },
  },
  v3alpha: {
    lock: { notFound: notFound("COMMAND-G4LOrnjY7q") },
    unlock: { notFound: notFound("COMMAND-gpBv46Lh9m") },
    deactivate: { notFound: notFound("COMMAND-Ob6lR5iFTe") },
    reactivate: { notFound: notFound("COMMAND-rQjbBr4J3j") },
    delete: { notFound: notFound("COMMAND-syHyCsGmvM") },
  },
};

type AllowedFrom = Readonly<Record<Exclude<Act, "delete">, readonly State[]>>;

/** A user shown as LOCKED may be banned, so a ban prevents only what a lock prevents. */
const ALLOWED_FROM: AllowedFrom = {
  lock: ["ACTIVE"],
  unlock: ["LOCKED", "BANNED"],
  deactivate: ["ACTIVE", "LOCKED", "BANNED"],
  reactivate: ["INACTIVE", "BANNED"],
};

/** v3alpha stores the lock as a flag next to the state, so an inactive user can be locked and unlocked. */
const ALLOWED_FROM_V3: AllowedFrom = {
  ...ALLOWED_FROM,
  lock: ["ACTIVE", "INACTIVE"],
  unlock: ["LOCKED", "BANNED", "INACTIVE"],
};

/** The user that a call is about. */
export interface Target {
  readonly userId: string;
  /** The organization that the user must be in; `null`: any that the caller reaches. The empty one owns nobody. */
  readonly within: string | null;
}

/** The decision behind the state RPCs of one family. */
export type ChangeUser = (act: Act, target: Target, call: ZitadelCall) => Promise<UserView>;

/**
 * Existence and state come before the caller's permission, as in ZITADEL: for a caller without it the command runs with
 * `validate_only`, and is refused if it would succeed. (Management v1 checks the permission first.)
 */
export function createChangeUser(operations: Operations, family: Family): ChangeUser {
  return async (act, target, call) => {
    const { actor } = call.admission;
    const errors = ACT_ERRORS[family][act];
    const scope = target.within === NOWHERE ? NOWHERE : readScope(actor, target.within ?? "");
    const isPermitted = actor.permissions.has(act === "delete" ? "user.delete" : "user.write");
    try {
      if (act === "deactivate" && errors.initial !== undefined) {
        // An existing user never becomes INITIAL, so reading first opens no race that matters.
        const view = await operations.readUser(target.userId, { scope });
        if (view?.state === "ACTIVE" && isInitial(view.user)) throw toError(errors.initial);
      }
      const change = changeOf(act, family, target.userId);
      const view = await operations.changeUser(change, call, { scope, validateOnly: !isPermitted });
      if (!isPermitted) throw toError(ERRORS.userNotPermitted);
      return view;
    } catch (error) {
      throw await knownFailure(error, errors, () => isElsewhere(operations, target, actor.scope));
    }
  };
}

function changeOf(act: Act, family: Family, userId: string): UserChange {
  const common = { userId, reasonCode: "", note: "" };
  if (act === "delete") return { type: "DeleteUser", ...common };
  const onlyFrom = (family === "v3alpha" ? ALLOWED_FROM_V3 : ALLOWED_FROM)[act];
  switch (act) {
    case "lock":
      // Replaces a lock that is only scheduled: the user is still active, and the call asks for a lock now.
      return {
        type: "LockUser",
        ...common,
        onlyFrom,
        ifAlready: "restart",
        expiry: { kind: "never" },
        revokeSessions: true,
      };
    case "unlock":
      return { type: "UnlockUser", ...common, onlyFrom, ifAlready: "refuse", clears: [INITIAL_NAMESPACE] };
    case "deactivate":
      return {
        type: "DeactivateUser",
        ...common,
        onlyFrom,
        ifAlready: "refuse",
        cause: "ADMIN",
      };
    case "reactivate":
      return {
        type: "ReactivateUser",
        ...common,
        onlyFrom,
        ifAlready: "refuse",
        cause: "ADMIN",
        clears: [INITIAL_NAMESPACE],
      };
  }
}

const FAULTS: Readonly<Partial<Record<Reason, keyof ActErrors>>> = {
  USER_NOT_FOUND: "notFound",
  USER_STATE_MISMATCH: "wrongState",
  USER_NOT_LOCKED: "wrongState",
  USER_ALREADY_DEACTIVATED: "wrongState",
  USER_NOT_DEACTIVATED: "wrongState",
};

async function knownFailure(error: unknown, errors: ActErrors, isForeign: () => Promise<boolean>): Promise<unknown> {
  const fault = byReason(error, FAULTS);
  if (fault === undefined) return error;
  const isUnreachable = fault === "notFound" && (await isForeign());
  return toError(isUnreachable ? ERRORS.noMembership : (errors[fault] ?? errors.notFound), error);
}

/** Returns whether the user exists there, but in an organization outside the caller's scope. */
async function isElsewhere(operations: Operations, { userId, within }: Target, own: string | null): Promise<boolean> {
  if (own === null) return false;
  return (await operations.readUser(userId, { scope: within })) !== undefined;
}
