/** What is wrong with rows, without the values at fault, and flags that are not lost. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonObject } from "@bufbuild/protobuf";
import { auth0Export } from "../../../../src/cli/import/from/auth0.ts";
import { clerkExport } from "../../../../src/cli/import/from/clerk.ts";
import { zitadelExport } from "../../../../src/cli/import/from/zitadel.ts";
import { ownRows } from "../../../../src/cli/import/own-rows.ts";
import { type Mapped, RowFault } from "../../../../src/cli/import/row.ts";

test("the fault of a row is reported without its values", () => {
  const secret = "hunter2-password";
  const cells: readonly (readonly [column: string, text: string])[] = [
    ["banned", secret],
    ["email_verified", secret],
    ["creation_date", secret],
    ["attributes", secret],
    ["attributes.billing", `["${secret}"]`],
    ["ban_note", secret],
    ["ban_expires", secret],
  ];
  for (const [column, text] of cells) {
    const row = new Map([
      ["user_id", "ann"],
      ["locked", "true"],
      ["lock_expires", "never"],
      [column, text],
    ]);
    assertFault(() => ownRows.fromCells(row), new RegExp(`^${column} is (?:a text of \\d+ characters; |set, but )`));
  }
  const objects: readonly JsonObject[] = [
    { profile: { emailVerified: secret } },
    { profile: secret },
    { profile: { phone: 4_917_012_345 } },
    { restrictions: [{ kind: `${secret} "x" y` }] },
    { restrictions: [{ duration: secret }] },
    { restrictions: [{ never: secret }] },
    { creationDate: 4_917_012_345 },
    { attributes: { billing: secret } },
    { [`"${secret}\n`]: 1 },
  ];
  for (const object of objects) {
    assertFault(() => ownRows.fromObject({ userId: "ann", ...object }), /^is not an ImportUser: /);
  }
  assertFault(() => clerkExport.fromObject({ id: "ann", banned: secret }), /^banned is a text of 16 characters; /);
  assertFault(() => zitadelExport.fromObject({ userId: "ann", state: secret }), /^state is a text of 16 characters; /);
  assertFault(
    () =>
      auth0Export.fromCells(
        new Map([
          ["user_id", "ann"],
          ["identities", secret],
        ]),
      ),
    /^identities is a text/,
  );
});

function assertFault(map: () => unknown, says: RegExp): void {
  assert.throws(map, (error) => {
    assert.ok(error instanceof RowFault, String(error));
    assert.match(error.message, says);
    assert.doesNotMatch(error.message, /hunter2|4917012345/);
    return true;
  });
}

test("Clerk: a blank lockout means none, and anything but a whole number of seconds is a bad row", () => {
  const LOCKOUT = "lockout_expires_in_seconds";
  const expiryOf = ({ user }: Mapped): unknown => user.restrictions?.[0]?.expiry;
  const never = { case: "never", value: true };
  for (const text of ["", " ", "\t"]) {
    const cells = new Map([
      ["id", "ann"],
      ["locked", "true"],
      [LOCKOUT, text],
    ]);
    assert.deepEqual(expiryOf(clerkExport.fromCells(cells)), never);
    assert.deepEqual(expiryOf(clerkExport.fromObject({ id: "ann", locked: true, [LOCKOUT]: text })), never);
  }
  for (const value of ["90", " 90 ", 90]) {
    const { user } = clerkExport.fromObject({ id: "ann", locked: true, [LOCKOUT]: value });
    assert.deepEqual(user.restrictions?.[0]?.expiry, { case: "duration", value: { seconds: 90n, nanos: 0 } });
  }
  for (const value of ["soon", "1e3", "-1", "1.5", "0x10", -1, 1.5, 1e300, true, [], {}]) {
    assertFault(
      () => clerkExport.fromObject({ id: "ann", [LOCKOUT]: value }),
      /^lockout_expires_in_seconds is an? .*; it must be a whole number of seconds, or empty$/,
    );
  }
});
