/** The state of a user by precedence. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Restriction, RestrictionKind } from "../../src/domain/restriction.ts";
import { type State, stateOf } from "../../src/domain/user.ts";

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
