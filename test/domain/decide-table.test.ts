/** One row for every state of a user × every command: the outcome, the new state, the change of the epoch. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { UserCommand } from "../../src/domain/command.ts";
import { BAN_TABLES } from "./support/ban-tables.ts";
import { DEACTIVATION_TABLES } from "./support/deactivation-tables.ts";
import { say } from "./support/given.ts";
import { LOCK_TABLES } from "./support/lock-tables.ts";
import { PERSON_TABLES } from "./support/person-tables.ts";
import { STATE_NAMES, STATES_OF_A_USER } from "./support/states.ts";
import { type DecisionTable, outcomeOf, rowsOf } from "./support/table.ts";

const TABLES: Readonly<Record<string, DecisionTable>> = {
  ...PERSON_TABLES,
  ...LOCK_TABLES,
  ...BAN_TABLES,
  ...DEACTIVATION_TABLES,
  RevokeUserSessions: {
    command: say.revokeSessions(),
    rows: `
      present | UserSessionsRevoked | = | +1
      absent | USER_NOT_FOUND
    `,
  },
};

const COMMAND_TYPES: Readonly<Record<UserCommand["type"], true>> = {
  CreateUser: true,
  ImportUser: true,
  UpdateUser: true,
  DeleteUser: true,
  RedactEvent: true,
  LockUser: true,
  UnlockUser: true,
  BanUser: true,
  UnbanUser: true,
  DeactivateUser: true,
  ReactivateUser: true,
  RevokeUserSessions: true,
  SettleUser: true,
};

for (const [name, table] of Object.entries(TABLES)) {
  describe(name, () => {
    const rows = rowsOf(table);
    for (const { state, expected } of rows) {
      test(`${name} of a user who is ${state}: ${expected}`, () => {
        assert.equal(outcomeOf(table.command, STATES_OF_A_USER[state]), expected);
      });
    }
    test(`${name} has a row for every state`, () => {
      assert.deepEqual(rows.map(({ state }) => state).sort(), [...STATE_NAMES].sort());
    });
  });
}

test("every command has a table, or a test of its own", () => {
  const present = new Set(Object.values(TABLES).map(({ command }) => command.type));
  // decide-erasure.test.ts: it depends on the history.
  present.add("RedactEvent");
  assert.deepEqual([...present].sort(), Object.keys(COMMAND_TYPES).sort());
});

test("every command that imposes or lifts has a table for each of its answers to what is there already", () => {
  const answers = Object.values(TABLES)
    .map(({ command }) => ("ifAlready" in command ? `${command.type} ${command.ifAlready}` : ""))
    .filter((answer) => answer !== "");
  for (const type of ["LockUser", "BanUser", "DeactivateUser"]) {
    for (const answer of ["refuse", "restart", "succeed"]) assert.ok(answers.includes(`${type} ${answer}`), type);
  }
  for (const type of ["UnlockUser", "UnbanUser", "ReactivateUser"]) {
    for (const answer of ["refuse", "succeed"]) assert.ok(answers.includes(`${type} ${answer}`), type);
  }
});
