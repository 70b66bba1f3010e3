/** What locking and unlocking do to a user in each state. */
import { NOW, say } from "./given.ts";
import type { DecisionTable } from "./table.ts";

const SOON = NOW + 60_000;

export const LOCK_TABLES = {
  LockUser: {
    command: say.lock(),
    rows: `
      active                         | UserLocked         | LOCKED L          |
      policy-locked                  | UserLocked         | LOCKED P L        |
      banned                         | UserLocked         | BANNED B L        |
      ban-scheduled                  | UserLocked         | LOCKED ~B L       |
      off                            | UserLocked         | INACTIVE D L      |
      off-by-directory               | UserLocked         | INACTIVE R L      |
      twice-off                      | UserLocked         | INACTIVE D R L    |
      banned-off                     | UserLocked         | BANNED B D L      |
      present                        | USER_ALREADY_LOCKED
      absent                         | USER_NOT_FOUND`,
  },
  "LockUser revokeSessions": {
    command: say.lock({ revokeSessions: true }),
    rows: `
      active                         | UserLocked         | LOCKED L          | +1
      policy-locked                  | UserLocked         | LOCKED P L        | +1
      banned                         | UserLocked         | BANNED B L        | +1
      ban-scheduled                  | UserLocked         | LOCKED ~B L       | +1
      off                            | UserLocked         | INACTIVE D L      | +1
      off-by-directory               | UserLocked         | INACTIVE R L      | +1
      twice-off                      | UserLocked         | INACTIVE D R L    | +1
      banned-off                     | UserLocked         | BANNED B D L      | +1
      present                        | USER_ALREADY_LOCKED
      absent                         | USER_NOT_FOUND`,
  },
  "LockUser scheduled, revokeSessions": {
    command: say.lock({ startTime: SOON, revokeSessions: true }),
    rows: `
      active                         | UserLocked         | ACTIVE ~L         |
      policy-locked                  | UserLocked         | LOCKED P ~L       |
      banned                         | UserLocked         | BANNED B ~L       |
      ban-scheduled                  | UserLocked         | ACTIVE ~B ~L      |
      off                            | UserLocked         | INACTIVE D ~L     |
      off-by-directory               | UserLocked         | INACTIVE R ~L     |
      twice-off                      | UserLocked         | INACTIVE D R ~L   |
      banned-off                     | UserLocked         | BANNED B D ~L     |
      present                        | USER_ALREADY_LOCKED
      absent                         | USER_NOT_FOUND`,
  },
  "LockUser ifAlready restart": {
    command: say.lock({ ifAlready: "restart" }),
    rows: `
      active locked lock-scheduled   | UserLocked         | LOCKED L          |
      policy-locked twice-locked     | UserLocked         | LOCKED P L        |
      policy-locked-lock-scheduled   | UserLocked         | LOCKED P L        |
      banned locked-banned           | UserLocked         | BANNED B L        |
      ban-scheduled                  | UserLocked         | LOCKED ~B L       |
      locked-ban-scheduled           | UserLocked         | LOCKED ~B L       |
      off locked-off                 | UserLocked         | INACTIVE D L      |
      off-by-directory               | UserLocked         | INACTIVE R L      |
      twice-off                      | UserLocked         | INACTIVE D R L    |
      banned-off                     | UserLocked         | BANNED B D L      |
      everything                     | UserLocked         | BANNED P B D R L  |
      absent                         | USER_NOT_FOUND`,
  },
  "LockUser ifAlready succeed": {
    command: say.lock({ ifAlready: "succeed" }),
    rows: `
      active                         | UserLocked         | LOCKED L          |
      policy-locked                  | UserLocked         | LOCKED P L        |
      banned                         | UserLocked         | BANNED B L        |
      ban-scheduled                  | UserLocked         | LOCKED ~B L       |
      off                            | UserLocked         | INACTIVE D L      |
      off-by-directory               | UserLocked         | INACTIVE R L      |
      twice-off                      | UserLocked         | INACTIVE D R L    |
      banned-off                     | UserLocked         | BANNED B D L      |
      present                        | nothing
      absent                         | USER_NOT_FOUND`,
  },
  UnlockUser: {
    command: say.unlock(),
    rows: `
      locked policy-locked           | UserUnlocked       | ACTIVE            |
      twice-locked lock-scheduled    | UserUnlocked       | ACTIVE            |
      policy-locked-lock-scheduled   | UserUnlocked       | ACTIVE            |
      locked-banned                  | UserUnlocked       | BANNED B          |
      locked-ban-scheduled           | UserUnlocked       | ACTIVE ~B         |
      locked-off                     | UserUnlocked       | INACTIVE D        |
      everything                     | UserUnlocked       | BANNED B D R      |
      present                        | USER_NOT_LOCKED
      absent                         | USER_NOT_FOUND`,
  },
  "UnlockUser ifAlready succeed": {
    command: say.unlock({ ifAlready: "succeed" }),
    rows: `
      locked policy-locked           | UserUnlocked       | ACTIVE            |
      twice-locked lock-scheduled    | UserUnlocked       | ACTIVE            |
      policy-locked-lock-scheduled   | UserUnlocked       | ACTIVE            |
      locked-banned                  | UserUnlocked       | BANNED B          |
      locked-ban-scheduled           | UserUnlocked       | ACTIVE ~B         |
      locked-off                     | UserUnlocked       | INACTIVE D        |
      everything                     | UserUnlocked       | BANNED B D R      |
      present                        | nothing
      absent                         | USER_NOT_FOUND`,
  },
} as const satisfies Readonly<Record<string, DecisionTable>>;
