/** The operation for each path and method. */
import { getSessionList } from "../sessions/list-sessions.ts";
import { createSession, getSession, revokeSession, verifySession } from "../sessions/sessions.ts";
import { getUserList, getUsersCount } from "../users/list-users.ts";
import { replaceUserMetadata, updateUserMetadata } from "../users/metadata.ts";
import { createUser, deleteUser, getUser, updateUser } from "../users/persons.ts";
import { banUser, lockUser, unbanUser, unlockUser, usersBan, usersUnban } from "../users/restrictions.ts";
import type { Operation } from "./operation.ts";

type Methods = Readonly<Record<string, Operation>>;

/** Path templates, tried in this order; `*` stands for the id of a user or a session. */
const ROUTES: readonly (readonly [path: string, methods: Methods])[] = [
  ["users", { GET: getUserList, POST: createUser }],
  ["users/count", { GET: getUsersCount }],
  ["users/ban", { POST: usersBan }],
  ["users/unban", { POST: usersUnban }],
  ["users/*", { GET: getUser, PATCH: updateUser, DELETE: deleteUser }],
  ["users/*/lock", { POST: lockUser }],
  ["users/*/unlock", { POST: unlockUser }],
  ["users/*/ban", { POST: banUser }],
  ["users/*/unban", { POST: unbanUser }],
  ["users/*/metadata", { PATCH: updateUserMetadata, PUT: replaceUserMetadata }],
  ["sessions", { GET: getSessionList, POST: createSession }],
  ["sessions/*", { GET: getSession }],
  ["sessions/*/revoke", { POST: revokeSession }],
  ["sessions/*/verify", { POST: verifySession }],
];

const TEMPLATES = ROUTES.map(([path, methods]) => ({ segments: path.split("/"), methods }));

/** What serves a path. */
export interface Route {
  readonly methods: Methods;
  /** The id in the path, as sent; absent if the path has none. */
  readonly named?: { readonly kind: "user" | "session"; readonly segment: string };
}

/** Returns the route for `path`, which is below the prefix and as sent; `undefined` if nothing is served there. */
export function findRoute(path: string): Route | undefined {
  const segments = path.split("/");
  for (const { segments: template, methods } of TEMPLATES) {
    if (segments.length !== template.length) continue;
    if (!template.every((each, index) => each === "*" || each === segments[index])) continue;
    const segment = segments[template.indexOf("*")];
    if (segment === undefined) return { methods };
    return { methods, named: { kind: template[0] === "users" ? "user" : "session", segment } };
  }
  return undefined;
}
