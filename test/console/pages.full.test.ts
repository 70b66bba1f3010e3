/** The pages of the console that are not about one user, as the people who use them do, in headless Chromium. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { State } from "../../gen/lockkeeper/user/v1/user_pb.ts";
import { skippedWithoutChromium } from "../support/chromium.ts";
import { startConsole } from "../support/console.ts";

test("somebody lets many in at once, learns who was changed meanwhile, and tries these again", async (t) => {
  if (skippedWithoutChromium(t)) return;
  const { users, keys, signIn } = await startConsole(t);
  const ids = ["ann", "ben", "cem", "dan", "eve", "fay"];
  for (const userId of ids) {
    await users.createUser({ userId });
    await users.lockUser({ userId, reasonCode: "WAVE" });
  }
  await users.banUser({ userId: "fay" });
  const { secret } = await keys.createApiKey({ displayName: "desk", role: "operator" });
  const { tab, complaints } = await signIn("", secret);
  await tab.getByRole("heading", { name: "Signed in as desk" }).waitFor();
  await tab.getByRole("link", { name: /^Locked now.*5 locked.*1 banned/ }).click();
  await tab.getByLabel("Select all that are shown").check();
  await tab.getByText("6 users selected").waitFor();
  await tab.getByRole("button", { name: "Unlock (6)" }).click();
  const dialog = tab.getByRole("dialog", { name: "Unlock 6 users" });
  await dialog.getByLabel("Reason code").fill("all clear");
  await users.banUser({ userId: "ben" });
  await dialog.getByRole("button", { name: "Unlock", exact: true }).click();
  await dialog.getByText("Done for 5 users.").waitFor();
  await dialog.getByText("ben: Somebody else changed this user meanwhile. SEQUENCE_MISMATCH").waitFor();
  assert.equal((await users.getUser({ userId: "ann" })).user?.state, State.ACTIVE);
  assert.equal((await users.getUser({ userId: "ben" })).user?.restrictions.length, 2);
  await dialog.getByRole("button", { name: "Try again for 1 user, as they are now" }).click();
  await dialog.getByText("Done for 6 users.").waitFor();
  await dialog.getByRole("button", { name: "Close" }).last().click();
  // Who is let in has left the list; bans stay.
  await tab.getByText("2 users", { exact: true }).or(tab.getByText("2 users selected")).waitFor();
  assert.deepEqual(
    (await users.getUser({ userId: "ben" })).user?.restrictions.map(({ kind }) => kind),
    [2],
  );
  await tab.getByRole("navigation", { name: "Console" }).getByRole("link", { name: "Ending soon" }).click();
  await tab.getByText("Nothing ends or begins within this time").waitFor();
  await users.lockUser({ userId: "cem", expiry: { case: "duration", value: { seconds: 600n, nanos: 0 } } });
  await tab.getByRole("button", { name: "Look again" }).click();
  await tab.getByRole("row", { name: /cem.*Lock ends in 9 minutes/ }).waitFor();
  assert.deepEqual(complaints, []);
});
