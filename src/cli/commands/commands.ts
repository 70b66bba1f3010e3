/** The list of all commands. A new command needs one file and one line here. */
import type { Command, CommandSet } from "../frame/command.ts";
import { completion } from "./completion.ts";
import { backup } from "./database/backup.ts";
import { migrate } from "./database/migrate.ts";
import { restore } from "./database/restore.ts";
import { eventsExport } from "./events/export.ts";
import { eventsList } from "./events/list.ts";
import { eventsRedact } from "./events/redact.ts";
import { eventsVerify } from "./events/verify.ts";
import { eventsWatch } from "./events/watch.ts";
import { help, version } from "./help.ts";
import { keyfileCreate, keyfileRotate } from "./keyfile/keyfile.ts";
import { keysCreate } from "./keys/create.ts";
import { keysList } from "./keys/list.ts";
import { keysRevoke } from "./keys/revoke.ts";
import { keysRotate } from "./keys/rotate.ts";
import { keysShow } from "./keys/show.ts";
import { login, logout } from "./login.ts";
import { ORGS } from "./orgs/orgs.ts";
import { policySet } from "./policy/set.ts";
import { policyShow } from "./policy/show.ts";
import { policySimulate } from "./policy/simulate.ts";
import { serve } from "./serve.ts";
import { sessionsList } from "./sessions/list.ts";
import { sessionsRevoke } from "./sessions/revoke.ts";
import { signinAttempts } from "./signin/attempts.ts";
import { signinCheck } from "./signin/check.ts";
import { status, whoami } from "./status.ts";
import { usersCreate } from "./users/create.ts";
import { usersEvents } from "./users/events.ts";
import { usersImport } from "./users/import.ts";
import { LIFECYCLE } from "./users/lifecycle.ts";
import { usersList } from "./users/list.ts";
import { usersShow } from "./users/show.ts";
import { usersUpdate } from "./users/update.ts";

export const COMMANDS: readonly Command[] = [
  serve,
  status,
  whoami,
  login,
  logout,
  usersList,
  usersShow,
  usersCreate,
  usersUpdate,
  usersImport,
  ...LIFECYCLE,
  usersEvents,
  sessionsList,
  sessionsRevoke,
  signinCheck,
  signinAttempts,
  policyShow,
  policySet,
  policySimulate,
  keysCreate,
  keysList,
  keysShow,
  keysRotate,
  keysRevoke,
  ...ORGS,
  eventsList,
  eventsWatch,
  eventsVerify,
  eventsExport,
  eventsRedact,
  backup,
  restore,
  migrate,
  keyfileCreate,
  keyfileRotate,
  completion,
  help,
  version,
];

/** The meaning of the first word of several commands. */
export const GROUPS: Readonly<Record<string, string>> = {
  users: "look up and change users",
  sessions: "look up and end sessions",
  signin: "check whether users may act, and look up sign-in attempts",
  policy: "how many failures lock a user, and for how long",
  keys: "create, list, rotate and revoke API keys",
  events: "list, watch, verify and export the history, and erase personal values from it",
  keyfile: "make and rotate the keys that sign checkpoints",
  orgs: "create, list and change organizations",
};

export const COMMAND_SET: CommandSet = { commands: COMMANDS, groups: GROUPS };
