/** The variables that are known, and what is said of others. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { SETTINGS } from "../src/config.ts";
import { CLIENT_VARIABLES, unknownVariables } from "../src/environment.ts";
import { filesBelow } from "./tidy/support/tree.ts";

test("every variable of the command line is known", () => {
  const named = filesBelow(["src/cli"], ".ts").flatMap(({ text }) => text.match(/LOCKKEEPER_[A-Z_]+/g) ?? []);
  const known = new Set([...CLIENT_VARIABLES, ...Object.values(SETTINGS).map(({ environment }) => environment)]);
  assert.ok(named.length > 0);
  assert.deepEqual(
    named.filter((name) => !known.has(name)),
    [],
  );
});

test("a variable that nothing reads is named without its value, with the one that was probably meant", () => {
  const says = unknownVariables({ LOCKKEEPER_DATBASE: "secret", LOCKKEEPER_X: "1", LOCKKEEPER_KEY: "k", PATH: "/" });
  assert.deepEqual(says, [
    "the environment variable LOCKKEEPER_DATBASE is not known and has no effect; did you mean LOCKKEEPER_DATABASE?",
    "the environment variable LOCKKEEPER_X is not known and has no effect; lockkeeper serve --help lists those of the service",
  ]);
});
