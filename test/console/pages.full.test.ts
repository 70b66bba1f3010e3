/** The pages of the console that are not about one user, as the people who use them do, in headless Chromium. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Factor } from "../../gen/lockkeeper/resource/v1/factor_pb.ts";
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

test("somebody tries a policy on past attempts, and two who change it do not overwrite each other", async (t) => {
  if (skippedWithoutChromium(t)) return;
  const { policies, signIns, users, signIn } = await startConsole(t);
  await users.createUser({ userId: "ann" });
  for (let failures = 0; failures < 4; failures++) {
    await signIns.recordFailure({ subject: { subject: { case: "userId", value: "ann" } }, factor: Factor.PASSWORD });
  }
  const { tab, complaints } = await signIn("/policy");
  await tab.getByLabel("Policy of").selectOption("Default (default)");
  await tab.getByText("Nothing is set here: every value is inherited.").waitFor();
  const set = async (name: string, value: string): Promise<void> => {
    await tab.getByLabel(`Set here: ${name}`).check();
    await tab.getByLabel(name, { exact: true }).fill(value);
  };
  const dialog = tab.getByRole("dialog", { name: "Change the policy of default" });
  const review = async (): Promise<void> => await tab.getByRole("button", { name: "Review the changes" }).click();
  await set("Passwords", "101");
  await review();
  await tab.getByText("Type a whole number from 0 to 100.").waitFor();
  await set("Passwords", "3");
  await tab.getByRole("button", { name: "Simulate" }).click();
  await tab.getByText("4 attempts replayed").waitFor();
  await tab.getByRole("row", { name: "In force now 0 0 0" }).waitFor();
  await tab.getByRole("row", { name: "With these values 1 1 1" }).waitFor();
  await tab.getByRole("img", { name: /these values lock 1 time\./ }).waitFor();
  await tab.getByRole("row", { name: /^ann Passwords/ }).waitFor();
  await review();
  await dialog.getByRole("row", { name: "Passwords 10 failures 3 failures" }).waitFor();
  const other = { organizationId: "default", values: { growthFactor: 2 } };
  await policies.updatePolicy(other);
  await dialog.getByRole("button", { name: "Save" }).click();
  await dialog.getByText("Somebody else changed this policy meanwhile.").waitFor();
  await dialog.getByRole("button", { name: "Show the new values" }).click();
  await tab.getByLabel("Set here: Each further lock is longer by the factor").and(tab.locator(":checked")).waitFor();
  await set("Passwords", "3");
  await set("The first lock lasts", "2");
  await set("No lock lasts longer than", "1");
  await tab.getByLabel("No lock lasts longer than: unit").selectOption("hours");
  await review();
  await tab.getByText("Is 3600s, which is shorter than lock_duration, 7200s.").first().waitFor();
  await set("No lock lasts longer than", "4");
  await review();
  await dialog.getByRole("button", { name: "Save" }).click();
  await tab.getByText("The policy is changed.").waitFor();
  const { policy } = await policies.getPolicy({ organizationId: "default" });
  assert.deepEqual(
    [policy?.values?.limits[0]?.attemptsMax, policy?.values?.growthFactor, policy?.values?.lockDuration?.seconds],
    [3, 2, 7_200n],
  );
  await tab.getByRole("button", { name: "Inherit everything" }).click();
  const reset = tab.getByRole("dialog", { name: "Inherit every value: default" });
  await reset.getByRole("row", { name: "Passwords 3 failures 10 failures" }).waitFor();
  await reset.getByRole("button", { name: "Inherit everything" }).click();
  await tab.getByText("Nothing is set here: every value is inherited.").waitFor();
  assert.deepEqual(complaints, []);
});
