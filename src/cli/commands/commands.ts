/** Every command there is; one more is one file and one line here. */

import type { Command } from "../frame/command.ts";
import { backup } from "./backup.ts";
import { completion } from "./completion.ts";
import { keysCreate } from "./keys/create.ts";
import { keysList } from "./keys/list.ts";
import { keysRevoke } from "./keys/revoke.ts";
import { migrate } from "./migrate.ts";
import { ORGS } from "./orgs/orgs.ts";
import { policySet } from "./policy/set.ts";
import { policyShow } from "./policy/show.ts";
import { policySimulate } from "./policy/simulate.ts";
import { restore } from "./restore.ts";
import { serve } from "./serve.ts";
import { sessionsList } from "./sessions/list.ts";
import { sessionsRevoke } from "./sessions/revoke.ts";
import { signinCheck } from "./signin/check.ts";
import { usersCreate } from "./users/create.ts";
import { usersEvents } from "./users/events.ts";
import { usersImport } from "./users/import.ts";
import { LIFECYCLE } from "./users/lifecycle.ts";
import { usersList } from "./users/list.ts";
import { usersShow } from "./users/show.ts";

export const COMMANDS: readonly Command[] = [
  serve,
  usersList,
  usersShow,
  usersCreate,
  usersImport,
  ...LIFECYCLE,
  usersEvents,
  sessionsList,
  sessionsRevoke,
  signinCheck,
  policyShow,
  policySet,
  policySimulate,
  keysCreate,
  keysList,
  keysRevoke,
  ...ORGS,
  backup,
  restore,
  migrate,
  completion,
];

/** What the first word of several commands stands for. */
export const GROUPS: Readonly<Record<string, string>> = {
  users: "look up and change users",
  sessions: "look up and end sessions",
  signin: "ask the gate of sign-ins",
  policy: "how many failures lock, and for how long",
  keys: "make, list and revoke API keys",
  orgs: "make, list and change organizations",
};
