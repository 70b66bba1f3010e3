/** The state of a user by precedence. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { needsPerson } from "../../src/domain/command.ts";
import { touchesPerson } from "../../src/domain/evolve.ts";
import type { Restriction, RestrictionKind } from "../../src/domain/restriction.ts";
import { type State, stateOf } from "../../src/domain/user.ts";
import { eventsOf, live, plans } from "./support/histories.ts";
import { runs } from "./support/soak.ts";

function restriction(kind: RestrictionKind, started: boolean): Restriction {
  const rest = { cause: "ADMIN", reasonCode: "", note: "", actor: "", startTime: 0, expireTime: null } as const;
  return { id: kind, kind, started, revokeSessions: false, ...rest };
}

const ROWS: readonly (readonly [holding: readonly RestrictionKind[], expected: State])[] = [
  [[], "ACTIVE"],
  [["LOCK"], "LOCKED"],
  [["DEACTIVATION"], "INACTIVE"],
  [["BAN"], "BANNED"],
  [["LOCK", "DEACTIVATION"], "INACTIVE"],
  [["LOCK", "BAN"], "BANNED"],
  [["DEACTIVATION", "BAN"], "BANNED"],
  [["LOCK", "DEACTIVATION", "BAN"], "BANNED"],
];

describe("DELETED > BANNED > INACTIVE > LOCKED > ACTIVE", () => {
  for (const [kinds, expected] of ROWS) {
    test(`${kinds.join(", ") || "nothing"} is ${expected}, in whatever order`, () => {
      const restrictions = kinds.map((kind) => restriction(kind, true));
      assert.equal(stateOf({ deleted: false, restrictions }), expected);
      assert.equal(stateOf({ deleted: false, restrictions: restrictions.toReversed() }), expected);
    });
    test(`${kinds.join(", ") || "nothing"}, scheduled, is ACTIVE; of a deleted user, DELETED`, () => {
      assert.equal(stateOf({ deleted: false, restrictions: kinds.map((kind) => restriction(kind, false)) }), "ACTIVE");
      assert.equal(stateOf({ deleted: true, restrictions: kinds.map((kind) => restriction(kind, true)) }), "DELETED");
    });
  }
});

test("a command whose event leaves some of the person as it was says that it needs the person", () => {
  fc.assert(
    fc.property(plans, (history) => {
      for (const passage of live(history)) {
        for (const event of eventsOf([passage])) {
          if (!touchesPerson(event.type)) continue;
          const replaces = event.type === "UserCreated" || event.type === "UserDeleted";
          assert.ok(replaces || needsPerson(passage.command.type), event.type);
        }
      }
    }),
    runs(100),
  );
});
