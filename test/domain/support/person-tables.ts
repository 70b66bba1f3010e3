/** What creating, importing, updating, deleting and settling do to a user in each state. */
import { imported, say } from "./given.ts";
import type { DecisionTable } from "./table.ts";

export const PERSON_TABLES = {
  CreateUser: {
    command: say.create(),
    rows: `
      never                          | UserCreated        | ACTIVE            |
      deleted deleted-locked         | UserCreated        | ACTIVE            |
      deleted-banned                 | UserCreated        | BANNED B          |
      deleted-ban-scheduled          | UserCreated        | ACTIVE ~B         |
      foreign foreign-deleted        | USER_ALREADY_EXISTS
      present                        | USER_ALREADY_EXISTS`,
  },
  ImportUser: {
    command: say.import(),
    rows: `
      never                          | UserImported       | ACTIVE            |
      deleted deleted-locked         | UserImported       | ACTIVE            |
      deleted-banned                 | UserImported       | BANNED B          |
      deleted-ban-scheduled          | UserImported       | ACTIVE ~B         |
      foreign foreign-deleted        | USER_ALREADY_EXISTS
      present                        | USER_ALREADY_EXISTS`,
  },
  "ImportUser ifExists skip": {
    command: say.import({ ifExists: "skip", restrictions: [imported({ kind: "BAN" })] }),
    rows: `
      never                          | UserImported       | BANNED B          | +1
      deleted deleted-locked         | UserImported       | BANNED B          | +1
      deleted-banned                 | UserImported       | BANNED B          | +1
      deleted-ban-scheduled          | UserImported       | BANNED B          | +1
      foreign foreign-deleted        | USER_ALREADY_EXISTS
      present                        | nothing`,
  },
  "ImportUser ifExists update": {
    command: say.import({ ifExists: "update", profile: { phone: "+41 1" } }),
    rows: `
      never                          | UserImported       | ACTIVE            |
      deleted deleted-locked         | UserImported       | ACTIVE            |
      deleted-banned                 | UserImported       | BANNED B          |
      deleted-ban-scheduled          | UserImported       | ACTIVE ~B         |
      foreign foreign-deleted        | USER_ALREADY_EXISTS
      present                        | UserImported       | =                 |`,
  },
  "ImportUser ifExists update with a deactivation by directory": {
    command: say.import({ ifExists: "update", restrictions: [imported({ kind: "DEACTIVATION", cause: "DIRECTORY" })] }),
    rows: `
      never                          | UserImported       | INACTIVE R        | +1
      deleted deleted-locked         | UserImported       | INACTIVE R        | +1
      deleted-banned                 | UserImported       | BANNED B R        | +1
      deleted-ban-scheduled          | UserImported       | INACTIVE ~B R     | +1
      foreign foreign-deleted        | USER_ALREADY_EXISTS
      active                         | UserImported       | INACTIVE R        | +1
      locked                         | UserImported       | INACTIVE L R      | +1
      policy-locked                  | UserImported       | INACTIVE P R      | +1
      twice-locked                   | UserImported       | INACTIVE L P R    | +1
      lock-scheduled                 | UserImported       | INACTIVE ~L R     | +1
      policy-locked-lock-scheduled   | UserImported       | INACTIVE P ~L R   | +1
      banned                         | UserImported       | BANNED B R        | +1
      ban-scheduled                  | UserImported       | INACTIVE ~B R     | +1
      locked-banned                  | UserImported       | BANNED L B R      | +1
      locked-ban-scheduled           | UserImported       | INACTIVE L ~B R   | +1
      off                            | UserImported       | INACTIVE D R      | +1
      off-by-directory twice-off     | nothing
      locked-off                     | UserImported       | INACTIVE L D R    | +1
      banned-off                     | UserImported       | BANNED B D R      | +1
      everything                     | nothing`,
  },
  UpdateUser: {
    command: say.update({ profile: { username: "alice" }, fields: ["username"] }),
    rows: `
      present                        | UserUpdated        | =                 |
      absent                         | USER_NOT_FOUND`,
  },
  "UpdateUser that changes nothing": {
    command: say.update({ fields: ["username"], namespaces: "all" }),
    rows: `
      present                        | nothing
      absent                         | USER_NOT_FOUND`,
  },
  DeleteUser: {
    command: say.delete(),
    rows: `
      banned locked-banned           | UserDeleted        | DELETED B         | +1
      banned-off everything          | UserDeleted        | DELETED B         | +1
      ban-scheduled                  | UserDeleted        | DELETED ~B        | +1
      locked-ban-scheduled           | UserDeleted        | DELETED ~B        | +1
      present                        | UserDeleted        | DELETED           | +1
      absent                         | USER_NOT_FOUND`,
  },
  "DeleteUser erase": {
    command: say.delete({ erase: true }),
    rows: `
      banned locked-banned           | UserDeleted        | DELETED B         | +1
      banned-off everything          | UserDeleted        | DELETED B         | +1
      ban-scheduled                  | UserDeleted        | DELETED ~B        | +1
      locked-ban-scheduled           | UserDeleted        | DELETED ~B        | +1
      present                        | UserDeleted        | DELETED           | +1
      deleted-banned                 | UserDeleted        | DELETED B         | +1
      deleted-ban-scheduled          | UserDeleted        | DELETED ~B        | +1
      deleted deleted-locked         | UserDeleted        | DELETED           | +1
      absent                         | USER_NOT_FOUND`,
  },
  SettleUser: {
    command: say.settle(),
    rows: `
      present                        | nothing
      absent                         | nothing`,
  },
} as const satisfies Readonly<Record<string, DecisionTable>>;
