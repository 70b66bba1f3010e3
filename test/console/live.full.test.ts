/** What happens elsewhere is seen in the console at once, by one watch for all tabs of a browser. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import type { Page, Request } from "playwright-core";
import { startBalancer } from "../support/balancer.ts";
import { skippedWithoutChromium } from "../support/chromium.ts";
import { type ConsoleService, enterKey, holdAnswer, passMinutes, show, startConsole } from "../support/console.ts";
import { scaled } from "../support/scale.ts";
import { ADMIN_KEY, startService, temporaryFolder } from "../support/service.ts";
import { until } from "../support/until.ts";

test("live events", async (t) => {
  if (skippedWithoutChromium(t)) return;
  const console = await startConsole(t);
  await t.test("many tabs hold one watch, hidden tabs none, and none misses anything", (t) =>
    shareOneWatch(t, console),
  );
  await t.test("a tab that says late what it shows misses nothing", (t) => tellLate(t, console));
  await t.test("a page shows what has changed while more changes", () => showAmongChanges(console));
  await t.test("callers of one browser share nothing", (t) => keepCallersApart(t, console));
  await t.test("a watch goes on where it broke off", (t) => resume(t, console));
  await t.test("a page without a place among the streams says so, and takes the next one", (t) =>
    waitForPlace(t, console),
  );
  await t.test("what happened last is on top, also after a long absence", (t) => readAfterAbsence(t, console));
  await t.test("a change does not disturb an open dialog, which says so", (t) => leaveDialogsAlone(t, console));
});

async function shareOneWatch(t: TestContext, console: ConsoleService): Promise<void> {
  const { users } = console;
  await users.createUser({ userId: "eve" });
  await users.createUser({ userId: "frank" });
  const { watches, openTab } = await openContext(t, console);
  const tabs: Page[] = [];
  const count = scaled({ quick: 4, soak: 8 });
  for (let index = 0; index < count; index++) tabs.push(await openTab(index % 2 === 0 ? "/users/eve" : "/users/frank"));
  // While a watch takes in what one more tab shows, there are none or two for a moment.
  await until(() => watches().length === 1, "the one watch of all tabs");
  await Promise.all([users.banUser({ userId: "eve" }), users.lockUser({ userId: "frank" })]);
  await Promise.all(tabs.map((tab, index) => waitFor(tab, index % 2 === 0 ? /^Banned for/ : /^Locked until/)));
  const [first, , eve] = tabs as [Page, Page, Page];
  // The tab that has the watch is closed, and another one goes on.
  await first.close();
  await users.unbanUser({ userId: "eve" });
  await waitFor(eve, "Active: may sign in.");
  await until(() => watches().length === 1, "the watch of another tab");
  for (const tab of tabs.slice(1)) await show(tab, "hidden");
  await until(() => watches().length === 0, "the end of the watch of hidden tabs");
  await users.banUser({ userId: "eve", reasonCode: "AGAIN" });
  assert.ok(await eve.getByText("Active: may sign in.").isVisible());
  await show(eve, "visible");
  await waitFor(eve, /because AGAIN\.$/);
  await until(() => watches().length === 1, "the watch of the tab that is visible again");
}

async function tellLate(t: TestContext, console: ConsoleService): Promise<void> {
  const { users } = console;
  await users.createUser({ userId: "leo" });
  await users.createUser({ userId: "mia" });
  const { openTab } = await openContext(t, console);
  const [first, next, busy] = [await openTab("/users/leo"), await openTab("/users/leo"), await openTab("/users/mia")];
  // It answers the question of the tab that watches next when that has looked at what happened.
  await busy.evaluate(`
    globalThis.held = [];
    const postNow = BroadcastChannel.prototype.postMessage;
    BroadcastChannel.prototype.postMessage = function (message) {
      if (held === undefined) postNow.call(this, message);
      else held.push(() => postNow.call(this, message));
    };
  `);
  const begun = next.waitForResponse("**/WatchEvents");
  await first.close();
  await begun;
  await users.lockUser({ userId: "mia" });
  await users.lockUser({ userId: "leo" });
  await waitFor(next, /^Locked until/);
  await busy.evaluate("const late = held; held = undefined; for (const post of late) post()");
  await waitFor(busy, /^Locked until/);
}

async function showAmongChanges({ users, signIn }: ConsoleService): Promise<void> {
  await users.createUser({ userId: "noa" });
  const { tab } = await signIn("/users/noa/timeline");
  await tab.getByText("Live", { exact: true }).waitFor();
  const later = Promise.withResolvers<void>();
  await tab.route("**/GetUser", (route) => later.promise.then(() => route.continue()));
  const first = holdAnswer(tab, "GetUser");
  await users.lockUser({ userId: "noa" });
  await first.read;
  await users.updateUser({ userId: "noa", profile: { displayName: "Noa" } });
  await waitFor(tab, /changed displayName of this user\.$/);
  // After the moment for which it waits at most.
  await tab.evaluate("new Promise((resolve) => setTimeout(resolve, 250))");
  first.letGo();
  await waitFor(tab, /^Locked until/);
  later.resolve();
  await tab.getByRole("heading", { name: "Noa" }).waitFor();
}

async function keepCallersApart(t: TestContext, console: ConsoleService): Promise<void> {
  const { users, keys } = console;
  await users.createUser({ userId: "grace" });
  const { secret } = await keys.createApiKey({ displayName: "viewer", role: "viewer" });
  const { secret: unfed } = await keys.createApiKey({ displayName: "unfed", permissions: ["user.read"] });
  const { watches, openTab } = await openContext(t, console);
  const [owner, viewer] = [await openTab("/users/grace"), await openTab("/users/grace", secret)];
  await until(() => watches().length === 2, "a watch of each caller");
  const quiet = await openTab("/users/grace", unfed, /lacks the permission events\.read/);
  await users.lockUser({ userId: "grace" });
  await Promise.all([owner, viewer].map((tab) => waitFor(tab, /^Locked until/)));
  assert.ok(await quiet.getByText("Active: may sign in.").isVisible());
  await until(() => watches().length === 2, "a watch of each caller, and none of the one who may not");
  // No tab says to others by what it signed in, not even among the bytes of events.
  const posted = String(await viewer.evaluate("posted.join()"));
  assert.match(posted, /ask.*events.*UserService|grace/s);
  for (const credential of [ADMIN_KEY, secret, unfed]) assert.ok(!posted.includes(credential));
}

async function resume(t: TestContext, { browser }: ConsoleService): Promise<void> {
  const path = join(await temporaryFolder(t), "lockkeeper.db");
  const first = await startService(t, { path });
  const { url, use } = await startBalancer(t, [first.url]);
  await first.users.createUser({ userId: "ivan" });
  const { watches, openTab } = await openContext(t, { browser, url });
  const tab = await openTab("/users/ivan/timeline");
  await first.stop();
  await waitFor(tab, "Not live: the service does not answer. Trying again.");
  // Not before: the page reads once more when it becomes live.
  let lists = 0;
  tab.on("request", (request) => request.url().endsWith("/ListEvents") && lists++);
  const second = await startService(t, { path });
  await second.users.banUser({ userId: "ivan", reasonCode: "MEANWHILE" });
  await second.users.unbanUser({ userId: "ivan" });
  use([second.url]);
  await waitFor(tab, /banned this user for good because MEANWHILE\.$/);
  await waitFor(tab, /lifted the ban of this user\.$/);
  assert.equal(lists, 0);
  assert.match(watches().at(-1)?.postDataBuffer()?.toString("latin1") ?? "", /AQ[\w-]{20}.*user="ivan"/s);
}

async function waitForPlace(t: TestContext, { browser }: ConsoleService): Promise<void> {
  const { url, users } = await startService(t, { config: { watchStreams: 1 } });
  await users.createUser({ userId: "judy" });
  const [first, second] = [await openContext(t, { browser, url }), await openContext(t, { browser, url })];
  const tab = await first.openTab("/users/judy");
  const waiting = await second.openTab("/users/judy", ADMIN_KEY, /^Not live: the service has as many live pages open/);
  await tab.close();
  await waiting.getByText("Live", { exact: true }).waitFor();
}

async function readAfterAbsence(t: TestContext, console: ConsoleService): Promise<void> {
  const { users } = console;
  await users.createUser({ userId: "kim" });
  const tab = await (await openContext(t, console)).openTab("/users/kim/timeline");
  const rows = tab.getByRole("list", { name: "Events" }).getByRole("listitem");
  await users.lockUser({ userId: "kim", reasonCode: "BEFORE" });
  await rows.getByText(/because BEFORE\.$/).waitFor();
  const watchEnds = tab.waitForEvent("requestfailed", (request) => request.url().endsWith("/WatchEvents"));
  await show(tab, "hidden");
  await watchEnds;
  const read = holdAnswer(tab, "ListEvents");
  await passMinutes(tab, 6);
  await users.banUser({ userId: "kim", reasonCode: "MEANWHILE" });
  await show(tab, "visible");
  await read.read;
  // What came before stays until the list is read again.
  const lockIsShown = await rows.getByText(/because BEFORE\.$/).isVisible();
  read.letGo();
  assert.ok(lockIsShown);
  await rows.getByText(/because MEANWHILE\.$/).waitFor();
  await rows
    .first()
    .getByText(/because MEANWHILE\.$/)
    .waitFor();
}

async function leaveDialogsAlone(t: TestContext, console: ConsoleService): Promise<void> {
  const { users } = console;
  await users.createUser({ userId: "heidi" });
  const { openTab } = await openContext(t, console);
  const tab = await openTab("/users/heidi?act=ban");
  const dialog = tab.getByRole("dialog", { name: "Ban heidi" });
  const note = dialog.getByLabel("Note");
  await note.fill("She asked for");
  await users.lockUser({ userId: "heidi", reasonCode: "ELSEWHERE" });
  await dialog.getByText("Somebody changed this user while you were deciding.").waitFor();
  await dialog.getByText(/^Locked until .* because ELSEWHERE\.$/).waitFor();
  await note.pressSequentially(" it.");
  assert.equal(await note.inputValue(), "She asked for it.");
  await dialog.getByRole("button", { name: "Look again" }).click();
  await dialog.getByRole("button", { name: "Ban", exact: true }).click();
  await waitFor(tab, /^Banned for good/);
  const { user } = await users.getUser({ userId: "heidi" });
  assert.deepEqual(user?.restrictions.map((each) => each.note).sort(), ["", "She asked for it."]);
}

interface OpenContext {
  /** The watches that the browser has open. */
  readonly watches: () => readonly Request[];
  /** Opens a tab, signs in, and waits until it is live, or says `says`. */
  readonly openTab: (path: string, key?: string, says?: RegExp) => Promise<Page>;
}

/** Keeps what a tab posts to other tabs. */
const NOTE_POSTED = `
  globalThis.posted = [];
  const post = BroadcastChannel.prototype.postMessage;
  BroadcastChannel.prototype.postMessage = function (message) {
    posted.push(this.name, JSON.stringify(message), new TextDecoder().decode(message.bytes));
    post.call(this, message);
  };
`;

/** A browser whose tabs know each other. */
async function openContext(
  t: TestContext,
  { browser, url }: Pick<ConsoleService, "browser" | "url">,
): Promise<OpenContext> {
  const context = await browser.newContext({ reducedMotion: "reduce", locale: "en-GB" });
  t.after(() => context.close());
  await context.addInitScript(NOTE_POSTED);
  const begun = new Set<Request>();
  context.on("request", (request) => request.url().endsWith("/WatchEvents") && begun.add(request));
  for (const event of ["requestfinished", "requestfailed"] as const) {
    context.on(event as "requestfailed", (request) => begun.delete(request));
  }
  return {
    // Nothing says how the requests of a closed tab ended.
    watches: () => [...begun].filter((request) => !request.frame().page().isClosed()),
    async openTab(path, key = ADMIN_KEY, says = /^Live$/) {
      const tab = await context.newPage();
      await tab.goto(`${url}/console${path}`);
      await enterKey(tab, key);
      await tab.getByText(says).waitFor();
      return tab;
    },
  };
}

async function waitFor(tab: Page, text: string | RegExp): Promise<void> {
  await tab.getByText(text).waitFor();
}
