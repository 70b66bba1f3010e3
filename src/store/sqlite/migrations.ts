/** The migrations of the SQLite database, in their order. */
import type { Database } from "better-sqlite3";
import { logAndUsers } from "./migrations/0001-log-and-users.ts";
import { searches } from "./migrations/0002-searches.ts";
import { sessions } from "./migrations/0003-sessions.ts";
import { attemptsAndPolicies } from "./migrations/0004-attempts-and-policies.ts";
import { generation } from "./migrations/0005-generation.ts";
import { requestScope } from "./migrations/0006-request-scope.ts";
import { tokenKey } from "./migrations/0007-token-key.ts";
import { rotatedKeys } from "./migrations/0008-rotated-keys.ts";
import { attemptsOfOrganizations } from "./migrations/0009-attempts-of-organizations.ts";
import { attemptLists } from "./migrations/0010-attempt-lists.ts";
import { lives } from "./migrations/0011-lives.ts";
import { shadowPlaces } from "./migrations/0012-shadow-places.ts";
import { attemptPlaces } from "./migrations/0013-attempt-places.ts";
import { moves } from "./migrations/0014-moves.ts";
import { eventSummaries } from "./migrations/0015-event-summaries.ts";
import { checkpoints } from "./migrations/0016-checkpoints.ts";
import { erasures } from "./migrations/0017-erasures.ts";

/** One step of the schema: plain statements, or a function if the data needs more than statements. */
export type Migration = { readonly name: string } & (
  | { readonly statements: readonly string[] }
  | { readonly run: (database: Database) => void }
);

/** In the order of their names. A released migration is never changed, renamed or removed. */
export const MIGRATIONS: readonly Migration[] = [
  logAndUsers,
  searches,
  sessions,
  attemptsAndPolicies,
  generation,
  requestScope,
  tokenKey,
  rotatedKeys,
  attemptsOfOrganizations,
  attemptLists,
  lives,
  shadowPlaces,
  attemptPlaces,
  moves,
  eventSummaries,
  checkpoints,
  erasures,
];
