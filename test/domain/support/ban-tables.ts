/** What banning and unbanning do to a user in each state. */
import { NOW, say } from "./given.ts";
import type { DecisionTable } from "./table.ts";

const SOON = NOW + 60_000;

export const BAN_TABLES = {
  BanUser: {
    command: say.ban(),
    rows: `
      active                         | UserBanned         | BANNED B          | +1
      locked                         | UserBanned         | BANNED L B        | +1
      policy-locked                  | UserBanned         | BANNED P B        | +1
      twice-locked                   | UserBanned         | BANNED L P B      | +1
      lock-scheduled                 | UserBanned         | BANNED ~L B       | +1
      policy-locked-lock-scheduled   | UserBanned         | BANNED P ~L B     | +1
      off                            | UserBanned         | BANNED D B        | +1
      off-by-directory               | UserBanned         | BANNED R B        | +1
      twice-off                      | UserBanned         | BANNED D R B      | +1
      locked-off                     | UserBanned         | BANNED L D B      | +1
      present                        | USER_ALREADY_BANNED
      absent                         | USER_NOT_FOUND`,
  },
  "BanUser scheduled": {
    command: say.ban({ startTime: SOON }),
    rows: `
      active                         | UserBanned         | ACTIVE ~B         |
      locked                         | UserBanned         | LOCKED L ~B       |
      policy-locked                  | UserBanned         | LOCKED P ~B       |
      twice-locked                   | UserBanned         | LOCKED L P ~B     |
      lock-scheduled                 | UserBanned         | ACTIVE ~L ~B      |
      policy-locked-lock-scheduled   | UserBanned         | LOCKED P ~L ~B    |
      off                            | UserBanned         | INACTIVE D ~B     |
      off-by-directory               | UserBanned         | INACTIVE R ~B     |
      twice-off                      | UserBanned         | INACTIVE D R ~B   |
      locked-off                     | UserBanned         | INACTIVE L D ~B   |
      present                        | USER_ALREADY_BANNED
      absent                         | USER_NOT_FOUND`,
  },
  "BanUser ifAlready restart": {
    command: say.ban({ ifAlready: "restart", expiry: { kind: "never" } }),
    rows: `
      active banned ban-scheduled    | UserBanned         | BANNED B          | +1
      locked locked-banned           | UserBanned         | BANNED L B        | +1
      locked-ban-scheduled           | UserBanned         | BANNED L B        | +1
      policy-locked                  | UserBanned         | BANNED P B        | +1
      twice-locked                   | UserBanned         | BANNED L P B      | +1
      lock-scheduled                 | UserBanned         | BANNED ~L B       | +1
      policy-locked-lock-scheduled   | UserBanned         | BANNED P ~L B     | +1
      off banned-off                 | UserBanned         | BANNED D B        | +1
      off-by-directory               | UserBanned         | BANNED R B        | +1
      twice-off                      | UserBanned         | BANNED D R B      | +1
      locked-off                     | UserBanned         | BANNED L D B      | +1
      everything                     | UserBanned         | BANNED L P D R B  | +1
      absent                         | USER_NOT_FOUND`,
  },
  "BanUser ifAlready succeed": {
    command: say.ban({ ifAlready: "succeed" }),
    rows: `
      active                         | UserBanned         | BANNED B          | +1
      locked                         | UserBanned         | BANNED L B        | +1
      policy-locked                  | UserBanned         | BANNED P B        | +1
      twice-locked                   | UserBanned         | BANNED L P B      | +1
      lock-scheduled                 | UserBanned         | BANNED ~L B       | +1
      policy-locked-lock-scheduled   | UserBanned         | BANNED P ~L B     | +1
      off                            | UserBanned         | BANNED D B        | +1
      off-by-directory               | UserBanned         | BANNED R B        | +1
      twice-off                      | UserBanned         | BANNED D R B      | +1
      locked-off                     | UserBanned         | BANNED L D B      | +1
      present                        | nothing
      absent                         | USER_NOT_FOUND`,
  },
  UnbanUser: {
    command: say.unban(),
    rows: `
      banned ban-scheduled           | UserUnbanned       | ACTIVE            |
      locked-banned                  | UserUnbanned       | LOCKED L          |
      locked-ban-scheduled           | UserUnbanned       | LOCKED L          |
      banned-off                     | UserUnbanned       | INACTIVE D        |
      everything                     | UserUnbanned       | INACTIVE L P D R  |
      present                        | USER_NOT_BANNED
      absent                         | USER_NOT_FOUND`,
  },
  "UnbanUser ifAlready succeed": {
    command: say.unban({ ifAlready: "succeed" }),
    rows: `
      banned ban-scheduled           | UserUnbanned       | ACTIVE            |
      locked-banned                  | UserUnbanned       | LOCKED L          |
      locked-ban-scheduled           | UserUnbanned       | LOCKED L          |
      banned-off                     | UserUnbanned       | INACTIVE D        |
      everything                     | UserUnbanned       | INACTIVE L P D R  |
      present                        | nothing
      absent                         | USER_NOT_FOUND`,
  },
} as const satisfies Readonly<Record<string, DecisionTable>>;
