/** The pages of the console that are not about one user, as the people who use them do, in headless Chromium. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Factor } from "../../gen/lockkeeper/resource/v1/factor_pb.ts";
import { State } from "../../gen/lockkeeper/user/v1/user_pb.ts";
import { skippedWithoutChromium } from "../support/chromium.ts";
import { type ConsoleService, finish, startConsole, untilFocused, whileAsked } from "../support/console.ts";
import { until } from "../support/until.ts";

test("the pages that are not about one user", async (t) => {
  if (skippedWithoutChromium(t)) return;
  // One service and one browser for all of them; each has a tab of its own.
  const service = await startConsole(t);
  await t.test("somebody lets many in at once, learns who was changed meanwhile, and tries these again", () =>
    letManyIn(service),
  );
  await t.test("what became of each stays in sight, whatever becomes of the list", () => keepReport(service));
  await t.test("somebody tries a policy on past attempts, and two who change it do not overwrite each other", () =>
    changePolicy(service),
  );
  await t.test(
    "an owner makes an organization and a key for it, rotates and revokes the key, and verifies the history",
    () => runInstance(service),
  );
});

async function letManyIn({ users, keys, signIn }: ConsoleService): Promise<void> {
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
  await dialog.waitFor({ state: "detached" });
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
  // The filters that are shown are those of the address.
  const reason = tab.getByLabel("Reason code");
  await reason.fill("none");
  await tab.keyboard.press("Enter");
  await tab.waitForURL(/reason=NONE$/);
  await tab.getByRole("navigation", { name: "Console" }).getByRole("link", { name: "Ending soon" }).click();
  await until(async () => (await reason.inputValue()) === "", "no filter");
  assert.deepEqual(complaints, []);
}

async function keepReport({ users, signIn }: ConsoleService): Promise<void> {
  for (const userId of ["gus", "hal"]) {
    await users.createUser({ userId });
    await users.lockUser({ userId, reasonCode: "GALE" });
  }
  const { tab } = await signIn("/locked?reason=GALE");
  await tab.getByLabel("Select all that are shown").check();
  await tab.getByRole("button", { name: "Unlock (2)" }).click();
  const dialog = tab.getByRole("dialog", { name: "Unlock 2 users" });
  for (const rpc of ["UnlockUser", "ListUsers"]) await tab.route(`**/${rpc}`, (route) => route.abort());
  await dialog.getByRole("button", { name: "Unlock", exact: true }).click();
  await tab.locator("main").getByText("The service does not answer.").waitFor();
  await tab.unrouteAll();
  await dialog.getByText("Not done for 2 users:").waitFor();
  await dialog.getByRole("button", { name: "Try again for 2 users, as they are now" }).click();
  await tab.locator("main").getByText("Nobody is restricted like this").waitFor();
  await dialog.getByText("Done for 2 users.").waitFor();
}

async function changePolicy({ policies, signIns, users, signIn }: ConsoleService): Promise<void> {
  await users.createUser({ userId: "zoe" });
  for (let failures = 0; failures < 4; failures++) {
    await signIns.recordFailure({ subject: { subject: { case: "userId", value: "zoe" } }, factor: Factor.PASSWORD });
  }
  const { tab, complaints } = await signIn("/policy");
  await tab.getByLabel("Policy of").selectOption("Default (default)");
  await tab.waitForURL(/\/policy\?organization=default$/);
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
  await tab.getByRole("row", { name: /^zoe Passwords/ }).waitFor();
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
  // It stays until the new values are read: what is opened from the old ones would vanish.
  const isOpen = whileAsked(tab, "GetPolicy", () => dialog.isVisible());
  await finish(dialog, "Save");
  assert.ok(await isOpen);
  await tab.getByText("The policy is changed.").waitFor();
  const { policy } = await policies.getPolicy({ organizationId: "default" });
  assert.deepEqual(
    [policy?.values?.limits[0]?.attemptsMax, policy?.values?.growthFactor, policy?.values?.lockDuration?.seconds],
    [3, 2, 7_200n],
  );
  await tab.getByRole("button", { name: "Inherit everything" }).click();
  const reset = tab.getByRole("dialog", { name: "Inherit every value: default" });
  await reset.getByRole("row", { name: "Passwords 3 failures 10 failures" }).waitFor();
  await finish(reset, "Inherit everything");
  await tab.getByText("Nothing is set here: every value is inherited.").waitFor();
  assert.deepEqual(complaints, []);
}

async function runInstance({ url, users, signIn }: ConsoleService): Promise<void> {
  await users.createUser({ userId: "a/ñ" });
  const { tab, complaints } = await signIn("/organizations");
  await tab.getByRole("button", { name: "Create an organization" }).click();
  const organization = tab.getByRole("dialog", { name: "Create an organization" });
  await organization.getByLabel("Id").fill("acme");
  await organization.getByLabel("Name").fill("Acme <i>");
  await organization.getByLabel("How long a lock lasts when nobody says so", { exact: true }).fill("0");
  await organization.getByRole("button", { name: "Save" }).click();
  await organization.getByText("Type a number above 0, at most 3,650 days.").waitFor();
  await organization.getByLabel("How long a lock lasts when nobody says so", { exact: true }).fill("2");
  await finish(organization, "Save");
  await tab.getByRole("row", { name: /^Acme <i> acme 2 hours/ }).waitFor();

  await tab.getByRole("link", { name: "API keys" }).click();
  await tab.getByRole("button", { name: "Create a key" }).click();
  const creation = tab.getByRole("dialog", { name: "Create an API key" });
  await creation.getByLabel("Name").fill("shop");
  await creation.getByLabel("May do").selectOption("login: what the login needs");
  await creation.getByText(/^It may: .*signin\.write/).waitFor();
  await creation.getByLabel("Only in the organization").fill("acme");
  // While the service is asked, Escape would lose the secret.
  const isPressed = whileAsked(tab, "CreateApiKey", () => tab.keyboard.press("Escape"));
  await creation.getByRole("button", { name: "Create" }).click();
  await isPressed;
  const shown = tab.getByRole("dialog", { name: "The secret of shop" });
  const secret = await shown.getByLabel("Secret", { exact: true }).inputValue();
  await untilFocused(shown);
  await tab.keyboard.press("Escape");
  await shown.getByText("Did you keep it? Press again to close.").waitFor();
  await finish(shown, "I have kept it");
  const who = async (key: string): Promise<{ readonly organizationId?: string; readonly role?: string }> => {
    const answer = await fetch(`${url}/v1/whoami`, { headers: { authorization: `Bearer ${key}` } });
    return answer.ok ? ((await answer.json()) as { readonly organizationId?: string }) : {};
  };
  assert.partialDeepStrictEqual(await who(secret), { organizationId: "acme", role: "login" });
  await tab.getByRole("button", { name: "Rotate shop" }).click();
  const rotation = tab.getByRole("dialog", { name: "Rotate shop" });
  await rotation.getByLabel("The present secret stays valid for").selectOption("Not at all: it has leaked");
  const isPressedAgain = whileAsked(tab, "RotateApiKey", () => tab.keyboard.press("Escape"));
  await rotation.getByRole("button", { name: "Rotate" }).click();
  await isPressedAgain;
  const second = await shown.getByLabel("Secret", { exact: true }).inputValue();
  await finish(shown, "I have kept it");
  assert.deepEqual(await who(secret), {});
  assert.partialDeepStrictEqual(await who(second), { role: "login" });

  const { tab: shop, complaints: shopComplaints } = await signIn("", second);
  await shop.getByRole("heading", { name: "You may not" }).waitFor();
  assert.deepEqual(await shop.getByRole("navigation", { name: "Console" }).getByRole("link").allInnerTexts(), [
    "Home",
    "Health",
  ]);
  assert.deepEqual(shopComplaints, []);

  await tab.getByRole("button", { name: "Revoke shop" }).click();
  const revocation = tab.getByRole("dialog", { name: "Revoke shop" });
  // A use is recorded within a minute, which may be over.
  await revocation.getByText(/^(No use of it is recorded|It was last used on )/).waitFor();
  await finish(revocation, "Revoke");
  await tab.getByText("The key shop is revoked.").waitFor();
  assert.deepEqual(await who(second), {});

  await tab.keyboard.press("?");
  const help = tab.getByRole("dialog", { name: "Keyboard" });
  await help.getByRole("row", { name: "/ Jumps to a user by id" }).waitFor();
  await untilFocused(help);
  await tab.keyboard.press("Escape");
  await help.waitFor({ state: "detached" });
  await tab.keyboard.press("/");
  const jump = tab.getByRole("dialog", { name: "Jump to a user" }).getByLabel("User id");
  await jump.and(tab.locator(":focus")).waitFor();
  await jump.fill("a/ñ");
  await jump.press("Enter");
  await tab.getByText("Active: may sign in.").waitFor();
  await tab.getByRole("link", { name: "Health" }).click();
  await tab.getByText("ready", { exact: true }).waitFor();
  await tab.getByRole("button", { name: "Verify the history" }).click();
  await tab.getByText(/^The history is as it was written: \d+ events/).waitFor();
  assert.deepEqual(complaints, []);
}
