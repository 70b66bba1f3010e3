/** What somebody has typed, scrolled to, or ought to read first is not lost on the way. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Locator, Page, Route } from "playwright-core";
import { State } from "../../gen/lockkeeper/user/v1/user_pb.ts";
import { skippedWithoutChromium } from "../support/chromium.ts";
import {
  type ConsoleService,
  enterKey,
  finish,
  passMinutes,
  show,
  startConsole,
  untilFocused,
  whileAsked,
} from "../support/console.ts";
import { ADMIN_KEY } from "../support/service.ts";
import { until } from "../support/until.ts";

const STEPS: Readonly<Record<string, (service: ConsoleService) => Promise<void>>> = {
  "a policy that is changed and not saved is left only on purpose": leavePolicy,
  "a long list stays as it was scrolled when a row of it changes": keepLongList,
  "a secret is seen and a locked user is listed, however long the list of users is": keepSecretAndUser,
  "what an act will do is in sight before it can be done, also where the window is low": seeFirst,
  "what changes while a page is read for the first time is shown": showWhatCameBetween,
  "rows stay when further ones do not come, and are read again by the same search": keepRows,
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

async function keepLongList({ users, sessions, signIn }: ConsoleService): Promise<void> {
  await users.createUser({ userId: "nomad" });
  const names = Array.from({ length: 260 }, (_, index) => `agent-${index}`);
  const made = await Promise.all(names.map((userAgent) => sessions.createSession({ userId: "nomad", userAgent })));
  const { tab, complaints } = await signIn("/users/nomad/sessions");
  await tab.getByText("Live", { exact: true }).waitFor();
  const rows = tab.locator("tbody tr");
  for (let page = 1; page < 5; page++) {
    await rows.nth(page * 50 - 1).waitFor();
    await tab.getByRole("button", { name: "Show more" }).click();
  }
  await rows.nth(249).waitFor();
  // One that ends while the last page is under way does not come back with it.
  const isEnded = whileAsked(tab, "ListSessions", async () => {
    await sessions.revokeSession({ sessionId: made[150]?.session?.sessionId ?? "" });
    await rows.getByText("agent-150", { exact: true }).waitFor({ state: "detached" });
  });
  await tab.getByRole("button", { name: "Show more" }).click();
  await isEnded;
  await until(async () => (await rows.count()) === names.length - 1, "all rows but the one that left");
  let asked = 0;
  tab.on("request", (request) => request.url().endsWith("/ListSessions") && asked++);
  const lastButOne = await rows
    .nth(names.length - 3)
    .getByRole("cell")
    .first()
    .innerText();
  await rows
    .last()
    .getByRole("button", { name: /^End the session/ })
    .click();
  await tab.getByRole("dialog").getByRole("button", { name: "End", exact: true }).click();
  await until(async () => (await rows.count()) === names.length - 2, "the row that leaves");
  assert.equal(await rows.last().getByRole("cell").first().innerText(), lastButOne);
  // One that somebody else ends leaves as well.
  await rows.getByText("agent-100", { exact: true }).waitFor();
  await sessions.revokeSession({ sessionId: made[100]?.session?.sessionId ?? "" });
  await rows.getByText("agent-100", { exact: true }).waitFor({ state: "detached" });
  assert.equal(asked, 0);
  // Long after, the watch does not tell what happened meanwhile.
  const watchEnds = tab.waitForEvent("requestfailed", (request) => request.url().endsWith("/WatchEvents"));
  await show(tab, "hidden");
  await watchEnds;
  await passMinutes(tab, 6);
  await sessions.revokeSession({ sessionId: made[200]?.session?.sessionId ?? "" });
  await show(tab, "visible");
  await rows.getByText("agent-200", { exact: true }).waitFor({ state: "detached" });
  await tab.getByRole("button", { name: "Show more" }).click();
  await rows.nth(249).waitFor();
  await users.banUser({ userId: "nomad" });
  await tab.getByText("No open session").waitFor();
  await tab.getByRole("link", { name: "Organizations" }).click();
  await tab
    .getByRole("row", { name: /^Default/ })
    .getByRole("link", { name: "Events" })
    .click();
  await tab.getByText("banned nomad for good.").waitFor();
  assert.match(tab.url(), /\/events\?organization=default$/);
  assert.deepEqual(complaints, []);
}

async function keepSecretAndUser({ users, signIn }: ConsoleService): Promise<void> {
  const names = Array.from({ length: 201 }, (_, index) => `inmate-${index}`);
  await Promise.all(names.map((userId) => users.createUser({ userId })));
  const { tab, complaints } = await signIn("/users/inmate-100");
  const menu = tab.getByRole("navigation", { name: "Console" });
  await tab.getByText("Active: may sign in.").waitFor();
  await menu.getByRole("link", { name: "API keys" }).click();
  await Promise.all(names.map((userId) => users.lockUser({ userId })));
  await menu.getByRole("link", { name: "Locked now" }).click();
  const rows = tab.locator("tbody tr");
  for (let page = 1; page < 5; page++) {
    await rows.nth(page * 50 - 1).waitFor();
    await tab.getByRole("button", { name: "Show more" }).click();
  }
  await rows.nth(names.length - 1).waitFor();
  // The page remembers her as she was when it was last shown.
  await tab.getByRole("link", { name: "inmate-100", exact: true }).click();
  await tab.getByText(/^Locked until/).waitFor();
  await tab.goBack();
  await rows.nth(names.length - 1).waitFor();
  await tab.getByRole("link", { name: "inmate-100", exact: true }).waitFor();
  await menu.getByRole("link", { name: "API keys" }).click();
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
  await rows.nth(49).waitFor();
  await tab.route("**/ListUsers", (route) => route.abort(), { times: 1 });
  await tab.getByRole("button", { name: "Show more" }).click();
  await tab.getByText("The service does not answer").waitFor();
  assert.equal(await rows.count(), 50);
  await tab.getByRole("button", { name: "Try again" }).click();
  await rows.nth(59).waitFor();
  const first = tab.getByRole("row", { name: /^row-59/ });
  await first.getByText("Active").waitFor();
  await users.lockUser({ userId: "row-59" });
  await tab.getByRole("button", { name: "Search" }).click();
  await first.getByText("Locked").waitFor();
}

interface HeldAnswer {
  /** Resolves when the service has answered. */
  readonly read: Promise<void>;
  /** The page gets the answer. */
  readonly letGo: () => void;
}

/** Lets the service answer the next call of an RPC, and keeps the answer from the page for a while. */
function holdAnswer(tab: Page, rpc: string): HeldAnswer {
  const [read, wait] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  let isHeld = false;
  // The route stays: the browser would lose what it holds with it.
  const answer = async (route: Route): Promise<void> => {
    if (isHeld) return route.fallback();
    isHeld = true;
    const response = await route.fetch();
    read.resolve();
    await wait.promise;
    await route.fulfill({ response });
  };
  tab.route(`**/${rpc}`, answer).catch(read.reject);
  return { read: read.promise, letGo: wait.resolve };
}
