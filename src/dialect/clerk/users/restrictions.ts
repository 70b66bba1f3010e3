/** Locks, unlocks, bans and unbans one user or many; every operation may be repeated. */
import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import type { Operations, UserView } from "../../../service/operations/operations.ts";
import { bulkSizeExceeded, paramMissing, paramsInvalid } from "../wire/clerk-error.ts";
import { readForm } from "../wire/form.ts";
import { type Operation, type OperationCall, ofUser, readUser } from "../wire/operation.ts";
import { showUser } from "./user-json.ts";

/**
 * POST /users/{id}/lock: for the organization's lock duration, restarted if the user is already locked; sessions
 * continue.
 */
export const lockUser = onUser("LockUser", (call, userId) =>
  call.operations.changeUser(
    {
      type: "LockUser",
      ...ofUser(call, userId),
      ifAlready: "restart",
      expiry: { kind: "default" },
      revokeSessions: false,
    },
    call,
  ),
);

/** POST /users/{id}/unlock: lifts every lock. */
export const unlockUser = onUser("UnlockUser", (call, userId) =>
  call.operations.changeUser({ type: "UnlockUser", ...ofUser(call, userId), ifAlready: "succeed" }, call),
);

/** POST /users/{id}/ban: permanent; a user that is already banned stays unchanged. */
export const banUser = onUser("BanUser", banOne);
/** POST /users/{id}/unban. */
export const unbanUser = onUser("UnbanUser", unbanOne);
/** POST /users/ban, for up to 50 users. */
export const usersBan = onUsers("UsersBan", banOne);
/** POST /users/unban, for up to 50 users. */
export const usersUnban = onUsers("UsersUnban", unbanOne);

type ChangeTerms = Parameters<Operations["changeUser"]>[2];
type Change = (call: OperationCall, userId: string, terms?: ChangeTerms) => Promise<UserView>;

async function banOne(call: OperationCall, userId: string, terms?: ChangeTerms): Promise<UserView> {
  const ban = (ifAlready: "succeed" | "restart"): Promise<UserView> =>
    call.operations.changeUser(
      { type: "BanUser", ...ofUser(call, userId), ifAlready, expiry: { kind: "never" } },
      call,
      terms,
    );
  const view = await ban("succeed");
  // A ban that our own API scheduled exists but is not in force yet: this call bans now.
  const holds = view.user.state.restrictions.some(({ kind, started }) => kind === "BAN" && started);
  return holds ? view : ban("restart");
}

function unbanOne(call: OperationCall, userId: string, terms?: ChangeTerms): Promise<UserView> {
  return call.operations.changeUser({ type: "UnbanUser", ...ofUser(call, userId), ifAlready: "succeed" }, call, terms);
}

function onUser(name: string, change: Change): Operation {
  return {
    name,
    permission: "user.write",
    serve: async (call): Promise<JsonObject> => showUser(call, await change(call, call.userId)),
  };
}

const BULK_MAX = 50;

/** Changes all or, if an id is unknown, none; a user deleted meanwhile may leave the others changed. */
function onUsers(name: string, change: Change): Operation {
  return {
    name,
    permission: "user.write",
    serve: async (call): Promise<JsonValue> => {
      const userIds = readUserIds(await call.readBody());
      const distinct = [...new Set(userIds)];
      await Promise.all(distinct.map((userId) => readUser(call, userId)));
      // In parallel, so that they share a commit.
      const views = await Promise.all(distinct.map((userId) => change(call, userId, { lane: "bulk" })));
      const shown = await Promise.all(
        views.map(async (view) => [view.user.state.id, await showUser(call, view)] as const),
      );
      const changed = new Map(shown);
      return userIds.map((userId) => changed.get(userId) ?? null);
    },
  };
}

function readUserIds(body: JsonObject): readonly string[] {
  const { user_ids: userIds } = readForm(body, { user_ids: "string[]" });
  if (userIds === undefined || userIds === null || userIds.length === 0) {
    throw paramsInvalid([paramMissing("user_ids")]);
  }
  if (userIds.length > BULK_MAX) throw bulkSizeExceeded(BULK_MAX);
  return userIds;
}
