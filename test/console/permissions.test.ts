/** The permissions that the console knows: those of the service, which it may not import. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { PERMISSIONS as SHOWN } from "../../console/src/app/permissions.ts";
import { PERMISSIONS } from "../../src/auth/permissions.ts";

test("the console knows every permission", () => {
  assert.deepEqual(SHOWN, PERMISSIONS);
});
