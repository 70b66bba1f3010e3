/** What somebody has typed, scrolled to, or ought to read first is not lost on the way. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Locator, Page } from "playwright-core";
import { State } from "../../gen/lockkeeper/user/v1/user_pb.ts";
import { skippedWithoutChromium } from "../support/chromium.ts";
import {
  type ConsoleService,
  enterKey,
  finish,
  holdAnswer,
  passMinutes,
  slowDown,
  startConsole,
  untilFocused,
} from "../support/console.ts";
import { ADMIN_KEY } from "../support/service.ts";
import { until } from "../support/until.ts";

const STEPS: Readonly<Record<string, (service: ConsoleService) => Promise<void>>> = {
  "a policy that is changed and not saved is left only on purpose": leavePolicy,
  "also by the back button right after it is changed": askAtOnce,
  "a policy that is being saved is left when it is saved": saveBeforeLeaving,
  "an act is seen to its end before anything else begins": seeAnswer,
  "the secret of a key is seen": keepSecret,
  "what an act will do is in sight before it can be done, also where the window is low": seeFirst,
  "what changes while a page is read for the first time is shown": showWhatCameBetween,
  "rows stay when further ones do not come, and are read again by the same search": keepRows,
  "nobody types into a policy as it was at an earlier visit": readPolicyFirst,
};

test("what somebody has at hand is not lost", async (t) => {
  if (skippedWithoutChromium(t)) return;
  const service = await startConsole(t);
  for (const [name, step] of Object.entries(STEPS)) await t.test(name, () => step(service));
});

async function leavePolicy({ keys, signIn }: ConsoleService): Promise<void> {
  const { tab, complaints } = await signIn("/users");
  const menu = tab.getByRole("navigation", { name: "Console" });
  const question = tab.getByRole("dialog", { name: "Leave without saving?" });
  const growth = tab.getByRole("textbox", { name: "Each further lock is longer by the factor", exact: true });
  await menu.getByRole("link", { name: "Policy" }).click();
  // Nothing is typed yet, so nobody is asked.
  await menu.getByRole("link", { name: "Users" }).click();
  await tab.getByRole("heading", { name: "Users" }).waitFor();
  await tab.goBack();
  await tab.getByLabel("Set here: Each further lock is longer by the factor").check();
  await growth.fill("7");
  const stays = async (leave: () => Promise<unknown>, focused: RegExp): Promise<void> => {
    await leave();
    await question.getByRole("button", { name: "Stay here" }).click();
    await question.waitFor({ state: "detached" });
    assert.equal(new URL(tab.url()).pathname, "/console/policy");
    assert.equal(await growth.inputValue(), "7");
    await waitForFocus(tab, focused);
  };
  await stays(() => menu.getByRole("link", { name: "Events" }).click(), /^Events$/);
  await growth.focus();
  await stays(() => tab.goBack(), /^Each further lock/);
  await menu.getByRole("link", { name: "Policy" }).focus();
  await stays(() => tab.keyboard.press("g").then(() => tab.keyboard.press("u")), /^Policy$/);
  const whose = tab.getByLabel("Policy of");
  await whose.focus();
  await stays(() => whose.selectOption("Default (default)"), /^Policy of/);
  assert.equal(await whose.inputValue(), "");
  await stays(() => tab.getByRole("button", { name: "Sign out" }).click(), /^Sign out$/);
  await tab.goBack();
  await question.getByRole("button", { name: "Leave and lose the changes" }).click();
  await tab.getByRole("heading", { name: "Users" }).waitFor();
  assert.equal(new URL(tab.url()).pathname, "/console/users");
  await tab.locator("main:focus").waitFor();
  assert.equal(await question.count(), 0);
  // What was typed is gone, and is typed again.
  await menu.getByRole("link", { name: "Policy" }).click();
  await tab.getByText("Nothing is set here: every value is inherited.").waitFor();
  await tab.getByLabel("Set here: Each further lock is longer by the factor").check();
  await growth.fill("8");
  const [asked] = await Promise.all([tab.waitForEvent("dialog"), tab.close({ runBeforeUnload: true })]);
  assert.equal(asked.type(), "beforeunload");
  await Promise.all([tab.waitForEvent("close"), asked.accept()]);
  assert.deepEqual(complaints, []);
  // Two addresses of one policy.
  const { secret } = await keys.createApiKey({ role: "owner", organizationId: "default" });
  const { tab: own } = await signIn("/policy?organization=default", secret);
  await own.getByLabel("Set here: Each further lock is longer by the factor").check();
  await own.getByRole("navigation", { name: "Console" }).getByRole("link", { name: "Policy" }).click();
  await own.getByRole("button", { name: "Leave and lose the changes" }).click();
  await own.getByRole("dialog").waitFor({ state: "detached" });
  await own.getByRole("checkbox", { name: "Set here: Each further lock", checked: false }).waitFor();
}

async function askAtOnce({ signIn }: ConsoleService): Promise<void> {
  const { tab } = await signIn("/users");
  await tab.getByRole("navigation", { name: "Console" }).getByRole("link", { name: "Policy" }).click();
  const box = tab.getByLabel("Set here: Each further lock is longer by the factor");
  await box.waitFor();
  await slowDown(tab);
  await box.check();
  await tab.goBack();
  await tab.getByRole("dialog", { name: "Leave without saving?" }).waitFor();
}

async function seeAnswer({ users, signIn }: ConsoleService): Promise<void> {
  await users.createUser({ userId: "quin" });
  const { tab } = await signIn("/users?in=id&q=quin");
  await tab.getByRole("link", { name: "quin" }).click();
  await tab.getByRole("button", { name: "Lock", exact: true }).click();
  const dialog = tab.getByRole("dialog", { name: "Lock quin" });
  const busy = dialog.locator("[type=submit][aria-busy]");
  await dialog.getByText("The state becomes Locked.").waitFor();
  // Elsewhere nobody would see that it failed.
  const lost = Promise.withResolvers<void>();
  await tab.route("**/LockUser", (route) => lost.promise.then(() => route.abort()), { times: 1 });
  await dialog.getByRole("button", { name: "Lock", exact: true }).click();
  await busy.waitFor();
  await tab.goBack();
  await tab.waitForURL(/act=lock$/);
  lost.resolve();
  await dialog.getByText(/^The answer of the service was lost/).waitFor();
  // It is over when the page shows it: another dialog that was opened before would close with this one.
  const read = Promise.withResolvers<void>();
  await tab.route("**/GetUser", (route) => read.promise.then(() => route.continue()));
  const answered = tab.waitForResponse("**/LockUser");
  await dialog.getByRole("button", { name: "Try again" }).click();
  await answered;
  await tab.evaluate("new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)))");
  await tab.keyboard.press("Escape");
  assert.ok(await busy.isVisible());
  read.resolve();
  await dialog.waitFor({ state: "detached" });
  await tab.getByText(/^Locked until/).waitFor();
  await tab.goBack();
  await tab.waitForURL(/users\?in=id&q=quin$/);
}

async function saveBeforeLeaving({ signIn }: ConsoleService): Promise<void> {
  const { tab } = await signIn("/users");
  const question = tab.getByRole("dialog", { name: "Leave without saving?" });
  await tab.getByRole("navigation", { name: "Console" }).getByRole("link", { name: "Policy" }).click();
  await tab.getByLabel("Set here: Each further lock is longer by the factor").check();
  await tab.getByRole("textbox", { name: "Each further lock is longer by the factor", exact: true }).fill("3");
  await tab.getByRole("button", { name: "Review the changes" }).click();
  const change = tab.getByRole("dialog", { name: "Change the policy of the whole instance" });
  await change.getByRole("row", { name: /factor/ }).waitFor();
  /** Presses the back button while the policy is saved, and waits until the page would have asked. */
  const goBack = async (): Promise<void> => {
    await change.locator("[type=submit][aria-busy]").waitFor();
    await tab.goBack();
    await tab.waitForURL(/\/policy$/);
    await tab.evaluate("new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)))");
  };
  // One that fails leaves a policy that is not saved, and one that is asked about.
  await tab.route("**/UpdatePolicy", (route) => lost.promise.then(() => route.abort()), { times: 1 });
  const lost = Promise.withResolvers<void>();
  await change.getByRole("button", { name: "Save" }).click();
  await goBack();
  assert.equal(await question.count(), 0);
  lost.resolve();
  await change.getByText(/^The answer of the service was lost/).waitFor();
  await tab.goBack();
  await question.getByRole("button", { name: "Stay here" }).click();
  await question.waitFor({ state: "detached" });
  const saved = holdAnswer(tab, "UpdatePolicy");
  await change.getByRole("button", { name: "Save" }).click();
  await saved.read;
  await goBack();
  assert.equal(await question.count(), 0);
  saved.letGo();
  await tab.getByText("The policy is changed.").waitFor();
  await change.waitFor({ state: "detached" });
  await tab.goBack();
  await tab.getByRole("heading", { name: "Users" }).waitFor();
}

async function keepSecret({ signIn }: ConsoleService): Promise<void> {
  const { tab, complaints } = await signIn("/locked");
  await tab.getByRole("heading", { name: "Locked now" }).waitFor();
  await tab.getByRole("link", { name: "API keys" }).click();
  await tab.getByRole("button", { name: "Create a key" }).click();
  const creation = tab.getByRole("dialog", { name: "Create an API key" });
  await creation.getByLabel("Name").fill("spare");
  await creation.getByLabel("May do").selectOption("owner: everything");
  await creation.getByRole("button", { name: "Create" }).click();
  const shown = tab.getByRole("dialog", { name: "The secret of spare" });
  await shown.waitFor();
  await tab.goBack();
  await tab.waitForURL(/\/locked$/);
  await untilFocused(shown);
  const secret = await shown.getByLabel("Secret", { exact: true }).inputValue();
  await finish(shown, "I have kept it");
  assert.deepEqual(complaints, []);
  // The session of the key itself ends with its earlier secret.
  const { tab: own } = await signIn("/keys", secret);
  await own.getByRole("button", { name: "Rotate spare" }).click();
  const rotation = own.getByRole("dialog", { name: "Rotate spare" });
  await rotation.getByLabel("The present secret stays valid for").selectOption("Not at all: it has leaked");
  await rotation.getByRole("button", { name: "Rotate" }).click();
  await own.getByText("Your credential has expired or was revoked. Sign in again.").waitFor();
  const rotated = own.getByRole("dialog", { name: "The secret of spare" });
  const second = await rotated.getByLabel("Secret", { exact: true }).inputValue();
  await finish(rotated, "I have kept it");
  await enterKey(own, second);
  await own.getByRole("row", { name: /^spare/ }).waitFor();
}

async function seeFirst({ users, signIn }: ConsoleService): Promise<void> {
  await users.createUser({ userId: "peggy", profile: { displayName: "Margaret Hamilton" } });
  // A telephone; then a window of 1280 × 720 at 200 %.
  const { tab, complaints } = await signIn("/users/peggy?act=lock", undefined, {
    viewport: { width: 390, height: 844 },
  });
  const dialog = tab.getByRole("dialog", { name: "Lock Margaret Hamilton" });
  const becomes = dialog.getByText("The state becomes Locked.");
  const end = dialog.getByText(/^It ends .* your time/);
  await becomes.waitFor();
  assert.deepEqual([await isInSight(becomes), await isInSight(end)], [true, true]);
  await tab.setViewportSize({ width: 640, height: 360 });
  await dialog.getByLabel("Reason code").fill("SPAM");
  assert.equal(await isInSight(becomes), false);
  await tab.keyboard.press("Enter");
  await dialog.getByRole("button", { name: "Lock", exact: true }).and(tab.locator(":focus")).waitFor();
  assert.deepEqual([await isInSight(becomes), await isInSight(end)], [true, true]);
  assert.equal((await users.getUser({ userId: "peggy" })).user?.state, State.ACTIVE);
  await tab.keyboard.press("Enter");
  await tab.getByText(/^Locked until .* because SPAM\.$/).waitFor();
  // The message that stays covers no button of the next dialog.
  await tab.setViewportSize({ width: 390, height: 700 });
  await tab.getByRole("button", { name: "Ban", exact: true }).click();
  const ban = tab.getByRole("dialog", { name: "Ban Margaret Hamilton" });
  await ban.getByText("The state becomes Banned.").waitFor();
  await tab.locator(".toast").waitFor();
  await ban.getByRole("button", { name: "Ban", exact: true }).click();
  await tab.getByText(/^Banned for good/).waitFor();
  // On a telephone a list has room for the names.
  await tab.setViewportSize({ width: 390, height: 844 });
  await tab.evaluate('history.pushState(null, "", "/console/ending")');
  const row = tab.getByRole("row", { name: /Margaret Hamilton peggy Lock ends in/ });
  assert.ok(await row.getByRole("link").evaluate((link) => link.scrollWidth <= link.clientWidth));
  assert.deepEqual(complaints, []);
}

/** Returns whether the whole of it is in the window. */
async function isInSight(part: Locator): Promise<boolean> {
  const { height } = part.page().viewportSize() ?? { height: 0 };
  const box = await part.boundingBox();
  return box !== null && box.y >= 0 && box.y + box.height <= height;
}

/** Waits until the focus is at what has such a name. */
async function waitForFocus(tab: Page, name: RegExp): Promise<void> {
  const named = "document.activeElement.labels?.[0]?.textContent ?? document.activeElement.textContent";
  await until(async () => name.test(String(await tab.evaluate(named))), `the focus at ${name}`);
}

async function showWhatCameBetween({ users, open }: ConsoleService): Promise<void> {
  await users.createUser({ userId: "una" });
  const { tab, complaints } = await open("/users/una/timeline");
  const events = holdAnswer(tab, "ListEvents");
  // The watch begins after the lock, and tells nothing of it.
  await tab.route("**/WatchEvents", (route) => changed.then(() => route.continue()));
  const changed = events.read.then(() => users.lockUser({ userId: "una" }));
  await enterKey(tab, ADMIN_KEY);
  await tab.getByText("Live", { exact: true }).waitFor();
  events.letGo();
  await tab.getByText(/locked this user until/).waitFor();

  const organizations = holdAnswer(tab, "ListOrganizations");
  await tab.getByRole("link", { name: "Organizations" }).click();
  await organizations.read;
  await tab.getByRole("button", { name: "Create an organization" }).click();
  const creation = tab.getByRole("dialog", { name: "Create an organization" });
  await creation.getByLabel("Id").fill("late");
  await creation.getByLabel("Name").fill("Late");
  // Until the answer is there, or is known to be lost, nothing closes the dialog: it would look as if nothing was done.
  const saved = holdAnswer(tab, "CreateOrganization");
  await tab.clock.install();
  await creation.getByRole("button", { name: "Save" }).click();
  await saved.read;
  await tab.keyboard.press("Escape");
  await creation.getByRole("button", { name: "Cancel" }).click();
  await tab.clock.fastForward(31_000);
  await creation.getByText(/^The answer of the service was lost, so this may be done already/).waitFor();
  await finish(creation, "Save");
  organizations.letGo();
  await tab.getByRole("row", { name: /^Late late/ }).waitFor();
  assert.deepEqual(complaints, []);
}

async function keepRows({ users, signIn }: ConsoleService): Promise<void> {
  await Promise.all(Array.from({ length: 60 }, (_, index) => users.createUser({ userId: `row-${index}` })));
  const { tab } = await signIn("/users?in=id&q=row-");
  const rows = tab.locator("tbody tr");
  await rows.first().waitFor();
  const shown = await rows.count();
  await tab.route("**/ListUsers", (route) => route.abort(), { times: 1 });
  await tab.getByRole("button", { name: "Show more" }).click();
  await tab.getByText("The service does not answer").waitFor();
  assert.equal(await rows.count(), shown);
  await tab.getByRole("button", { name: "Try again" }).click();
  await rows.nth(59).waitFor();
  const first = tab.getByRole("row", { name: /^row-59/ });
  await first.getByText("Active").waitFor();
  await users.lockUser({ userId: "row-59" });
  await tab.getByRole("button", { name: "Search" }).click();
  await first.getByText("Locked").waitFor();
}

async function readPolicyFirst({ policies, signIn }: ConsoleService): Promise<void> {
  const { tab } = await signIn("/policy");
  const menu = tab.getByRole("navigation", { name: "Console" });
  const box = tab.getByLabel("Set here: Each further lock is longer by the factor");
  await box.waitFor();
  await menu.getByRole("link", { name: "Users" }).click();
  await tab.getByRole("heading", { name: "Users" }).waitFor();
  await policies.updatePolicy({ values: { permanentAfter: 9 }, updateMask: { paths: ["permanent_after"] } });
  await passMinutes(tab, 1);
  const read = holdAnswer(tab, "GetPolicy");
  await menu.getByRole("link", { name: "Policy" }).click();
  await read.read;
  // The answer makes another form, without what was typed into the earlier one.
  await tab.locator("main .loading").waitFor();
  read.letGo();
  await box.waitFor();
}
