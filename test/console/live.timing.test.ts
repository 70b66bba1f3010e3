/** How fast a change is seen in another browser. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { skippedWithoutChromium } from "../support/chromium.ts";
import { startConsole } from "../support/console.ts";

const SEEN_MS_MAX = 1_000;

test("a ban is seen in another browser within a second", async (t) => {
  if (skippedWithoutChromium(t)) return;
  const { users, signIn } = await startConsole(t);
  await users.createUser({ userId: "mallory" });
  const { tab } = await signIn("/users/mallory");
  await tab.getByText("Live", { exact: true }).waitFor();
  const seen = tab.getByText(/^Banned for good/).waitFor();
  const begin = performance.now();
  await users.banUser({ userId: "mallory" });
  await seen;
  const took = performance.now() - begin;
  t.diagnostic(`seen after ${took.toFixed()} ms`);
  assert.ok(took <= SEEN_MS_MAX, `${took.toFixed()} ms; at most ${SEEN_MS_MAX}`);
});
