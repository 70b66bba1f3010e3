/** What deactivating and reactivating do to a user in each state. */
import { say } from "./given.ts";
import type { DecisionTable } from "./table.ts";

export const DEACTIVATION_TABLES = {
  DeactivateUser: {
    command: say.deactivate(),
    rows: `
      active                         | UserDeactivated    | INACTIVE D        | +1
      locked                         | UserDeactivated    | INACTIVE L D      | +1
      policy-locked                  | UserDeactivated    | INACTIVE P D      | +1
      twice-locked                   | UserDeactivated    | INACTIVE L P D    | +1
      lock-scheduled                 | UserDeactivated    | INACTIVE ~L D     | +1
      policy-locked-lock-scheduled   | UserDeactivated    | INACTIVE P ~L D   | +1
      banned                         | UserDeactivated    | BANNED B D        | +1
      ban-scheduled                  | UserDeactivated    | INACTIVE ~B D     | +1
      locked-banned                  | UserDeactivated    | BANNED L B D      | +1
      locked-ban-scheduled           | UserDeactivated    | INACTIVE L ~B D   | +1
      off-by-directory               | UserDeactivated    | INACTIVE R D      | +1
      present                        | USER_ALREADY_DEACTIVATED
      absent                         | USER_NOT_FOUND`,
  },
  "DeactivateUser ifAlready restart": {
    command: say.deactivate({ ifAlready: "restart" }),
    rows: `
      active off                     | UserDeactivated    | INACTIVE D        | +1
      locked locked-off              | UserDeactivated    | INACTIVE L D      | +1
      policy-locked                  | UserDeactivated    | INACTIVE P D      | +1
      twice-locked                   | UserDeactivated    | INACTIVE L P D    | +1
      lock-scheduled                 | UserDeactivated    | INACTIVE ~L D     | +1
      policy-locked-lock-scheduled   | UserDeactivated    | INACTIVE P ~L D   | +1
      banned banned-off              | UserDeactivated    | BANNED B D        | +1
      ban-scheduled                  | UserDeactivated    | INACTIVE ~B D     | +1
      locked-banned                  | UserDeactivated    | BANNED L B D      | +1
      locked-ban-scheduled           | UserDeactivated    | INACTIVE L ~B D   | +1
      off-by-directory twice-off     | UserDeactivated    | INACTIVE R D      | +1
      everything                     | UserDeactivated    | BANNED L P B R D  | +1
      absent                         | USER_NOT_FOUND`,
  },
  "DeactivateUser ifAlready succeed": {
    command: say.deactivate({ ifAlready: "succeed" }),
    rows: `
      active                         | UserDeactivated    | INACTIVE D        | +1
      locked                         | UserDeactivated    | INACTIVE L D      | +1
      policy-locked                  | UserDeactivated    | INACTIVE P D      | +1
      twice-locked                   | UserDeactivated    | INACTIVE L P D    | +1
      lock-scheduled                 | UserDeactivated    | INACTIVE ~L D     | +1
      policy-locked-lock-scheduled   | UserDeactivated    | INACTIVE P ~L D   | +1
      banned                         | UserDeactivated    | BANNED B D        | +1
      ban-scheduled                  | UserDeactivated    | INACTIVE ~B D     | +1
      locked-banned                  | UserDeactivated    | BANNED L B D      | +1
      locked-ban-scheduled           | UserDeactivated    | INACTIVE L ~B D   | +1
      off-by-directory               | UserDeactivated    | INACTIVE R D      | +1
      present                        | nothing
      absent                         | USER_NOT_FOUND`,
  },
  "DeactivateUser DIRECTORY": {
    command: say.deactivate({ cause: "DIRECTORY" }),
    rows: `
      active                         | UserDeactivated    | INACTIVE R        | +1
      locked                         | UserDeactivated    | INACTIVE L R      | +1
      policy-locked                  | UserDeactivated    | INACTIVE P R      | +1
      twice-locked                   | UserDeactivated    | INACTIVE L P R    | +1
      lock-scheduled                 | UserDeactivated    | INACTIVE ~L R     | +1
      policy-locked-lock-scheduled   | UserDeactivated    | INACTIVE P ~L R   | +1
      banned                         | UserDeactivated    | BANNED B R        | +1
      ban-scheduled                  | UserDeactivated    | INACTIVE ~B R     | +1
      locked-banned                  | UserDeactivated    | BANNED L B R      | +1
      locked-ban-scheduled           | UserDeactivated    | INACTIVE L ~B R   | +1
      off                            | UserDeactivated    | INACTIVE D R      | +1
      locked-off                     | UserDeactivated    | INACTIVE L D R    | +1
      banned-off                     | UserDeactivated    | BANNED B D R      | +1
      present                        | USER_ALREADY_DEACTIVATED
      absent                         | USER_NOT_FOUND`,
  },
  ReactivateUser: {
    command: say.reactivate(),
    rows: `
      off                            | UserReactivated    | ACTIVE            |
      twice-off                      | UserReactivated    | INACTIVE R        |
      locked-off                     | UserReactivated    | LOCKED L          |
      banned-off                     | UserReactivated    | BANNED B          |
      everything                     | UserReactivated    | BANNED L P B R    |
      present                        | USER_NOT_DEACTIVATED
      absent                         | USER_NOT_FOUND`,
  },
  "ReactivateUser DIRECTORY": {
    command: say.reactivate({ cause: "DIRECTORY" }),
    rows: `
      off-by-directory               | UserReactivated    | ACTIVE            |
      twice-off                      | UserReactivated    | INACTIVE D        |
      everything                     | UserReactivated    | BANNED L P B D    |
      present                        | USER_NOT_DEACTIVATED
      absent                         | USER_NOT_FOUND`,
  },
  "ReactivateUser ifAlready succeed": {
    command: say.reactivate({ ifAlready: "succeed" }),
    rows: `
      off                            | UserReactivated    | ACTIVE            |
      twice-off                      | UserReactivated    | INACTIVE R        |
      locked-off                     | UserReactivated    | LOCKED L          |
      banned-off                     | UserReactivated    | BANNED B          |
      everything                     | UserReactivated    | BANNED L P B R    |
      present                        | nothing
      absent                         | USER_NOT_FOUND`,
  },
} as const satisfies Readonly<Record<string, DecisionTable>>;
