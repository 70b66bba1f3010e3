/** A list of more than four pages stays as somebody has read it, says when it may be other, and shows nobody's own act undone. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { durationFromMs } from "@bufbuild/protobuf/wkt";
import type { Locator, Page } from "playwright-core";
import { skippedWithoutChromium } from "../support/chromium.ts";
import {
  type ConsoleService,
  finish,
  holdAnswer,
  passMinutes,
  show,
  startConsole,
  whileAsked,
} from "../support/console.ts";
import { until } from "../support/until.ts";

const CHANGED = "This list may have changed since you read it.";

const STEPS: Readonly<Record<string, (service: ConsoleService) => Promise<void>>> = {
  "sessions that end meanwhile stay where they are, until somebody looks again": keepSessions,
  "users who were seen or let in meanwhile are shown as they are": keepUsers,
  "a session that expires is shown as expired": expire,
};

test("long lists", async (t) => {
  if (skippedWithoutChromium(t)) return;
  const service = await startConsole(t);
  for (const [name, step] of Object.entries(STEPS)) await t.test(name, () => step(service));
});

async function keepSessions({ users, sessions, signIn }: ConsoleService): Promise<void> {
  await users.createUser({ userId: "nomad" });
  const names = Array.from({ length: 270 }, (_, index) => `agent-${index}`);
  const made = await Promise.all(names.map((userAgent) => sessions.createSession({ userId: "nomad", userAgent })));
  const { session: latest } = await sessions.createSession({ userId: "nomad", userAgent: "latest" });
  const end = async (index: number): Promise<unknown> =>
    await sessions.revokeSession({ sessionId: made[index]?.session?.sessionId ?? "" });
  const { tab, complaints } = await signIn("/users/nomad");
  // What is read when the page becomes live is read by then, and the answer that is held is that of the further page.
  await tab.getByText("Live", { exact: true }).waitFor();
  await tab.getByRole("link", { name: "Sessions" }).click();
  const [rows, changed] = [tab.locator("tbody tr"), tab.getByText(CHANGED)];
  const rowOf = (index: number): Locator => rows.filter({ has: tab.getByText(`agent-${index}`, { exact: true }) });
  // A change that comes while a further page is read has the list read again: the page comes with it.
  await rows.nth(49).waitFor();
  await readOn(tab, async () => {
    const further = holdAnswer(tab, "ListSessions");
    await tab.getByRole("button", { name: "Show more" }).click();
    await further.read;
    await sessions.revokeSession({ sessionId: latest?.sessionId ?? "" });
    await rows.filter({ has: tab.getByText("latest", { exact: true }) }).waitFor({ state: "detached" });
    further.letGo();
  });
  await readPages(tab, 5, 2);
  let asked = 0;
  tab.on("request", (request) => request.url().endsWith("/ListSessions") && asked++);
  // What is said while a further page is under way is still there with it.
  const isSaid = whileAsked(tab, "ListSessions", async () => {
    await end(150);
    await changed.waitFor();
  });
  await tab.getByRole("button", { name: "Show more" }).click();
  await isSaid;
  await rows.nth(names.length - 1).waitFor();
  assert.equal(await rows.count(), names.length);
  assert.equal(asked, 1);
  await rowOf(150).getByText("Open").waitFor();
  await changed.waitFor();
  // One that somebody ends here stays as well, and is not offered once more.
  const last = rows.last();
  await last.getByRole("button", { name: /^End the session/ }).click();
  await finish(tab.getByRole("dialog", { name: "End this session" }), "End");
  await last.getByText("Ended", { exact: true }).waitFor();
  assert.equal(await last.getByRole("button").count(), 0);
  assert.equal(await rows.count(), names.length);
  assert.equal(asked, 1);
  // The line is in sight at the end of the list, and within reach of the keyboard.
  await last.scrollIntoViewIfNeeded();
  const again = tab.getByRole("button", { name: "Look again" });
  const top = await again.evaluate((button) => button.getBoundingClientRect().top);
  assert.ok(top >= 0 && top < 100, `${top}`);
  await again.focus();
  await tab.keyboard.press("Enter");
  await changed.waitFor({ state: "detached" });
  await until(async () => (await rows.count()) <= 200, "the first four pages");
  assert.equal(await rowOf(150).count(), 0);
  await tab.locator("table:focus").waitFor();
  const { y = -1 } = (await rows.first().boundingBox()) ?? {};
  assert.ok(y >= 0, `${y}`);
  // A list that is short is read again at once. Further rows wait for that.
  await readOn(tab, async () => {
    const read = holdAnswer(tab, "ListSessions");
    await end(100);
    await read.read;
    await tab.getByRole("button", { name: "Show more" }).click();
    read.letGo();
  });
  assert.equal(await rowOf(100).count(), 0);
  assert.equal(await changed.count(), 0);
  // Long after, the watch does not tell what happened meanwhile.
  const watchEnds = tab.waitForEvent("requestfailed", (request) => request.url().endsWith("/WatchEvents"));
  await show(tab, "hidden");
  await watchEnds;
  await passMinutes(tab, 6);
  await end(200);
  await show(tab, "visible");
  await changed.waitFor();
  await rowOf(200).getByText("Open").waitFor();
  // An act of one's own that ends all of them leaves none that look open.
  await tab.getByRole("button", { name: "End all sessions" }).click();
  await finish(tab.getByRole("dialog", { name: "End all sessions of nomad" }), "End all sessions");
  await tab.getByText("No open session").waitFor();
  assert.deepEqual(complaints, []);
}

async function keepUsers({ users, signIn }: ConsoleService): Promise<void> {
  const names = Array.from({ length: 201 }, (_, index) => `inmate-${index}`);
  await Promise.all(names.map((userId) => users.createUser({ userId })));
  const { tab, complaints } = await signIn("/users/inmate-100");
  const menu = tab.getByRole("navigation", { name: "Console" });
  const [rows, changed] = [tab.locator("tbody tr"), tab.getByText(CHANGED)];
  const seen = tab.getByRole("link", { name: "inmate-100", exact: true });
  await tab.getByText("Active: may sign in.").waitFor();
  await menu.getByRole("link", { name: "API keys" }).click();
  await Promise.all(names.map((userId) => users.lockUser({ userId })));
  await menu.getByRole("link", { name: "Locked now" }).click();
  await readPages(tab, 5);
  while ((await rows.count()) < names.length) await readPages(tab, 2);
  await rows.nth(names.length - 1).waitFor();
  // The page remembers her as she was when it was last shown. To look at somebody changes nothing.
  await seen.click();
  await tab.getByText(/^Locked until/).waitFor();
  await tab.goBack();
  await rows.nth(names.length - 1).waitFor();
  await tab.getByRole("row", { name: /inmate-100 .*Locked/ }).waitFor();
  assert.equal(await changed.count(), 0);
  // What somebody else has done is seen there, and in the list afterwards.
  await users.unlockUser({ userId: "inmate-100" });
  await seen.click();
  await tab.getByText("Active: may sign in.").waitFor();
  await tab.goBack();
  await tab.getByRole("row", { name: /inmate-100 .*Active/ }).waitFor();
  await changed.waitFor();
  assert.equal(await rows.count(), names.length);
  // So are those who are let in from the list. They are not selected any more.
  const freed = [0, 50, 199].map((index) =>
    rows.filter({ has: tab.getByText(`inmate-${index}`, { exact: true }).first() }),
  );
  for (const row of freed) await row.getByRole("checkbox").check();
  await tab.getByRole("button", { name: "Unlock (3)" }).click();
  const bulk = tab.getByRole("dialog", { name: "Unlock 3 users" });
  await bulk.getByRole("button", { name: "Unlock" }).click();
  await bulk.getByText("Done for 3 users.").waitFor();
  await tab.keyboard.press("Escape");
  await bulk.waitFor({ state: "detached" });
  for (const row of freed) await row.getByText("Active", { exact: true }).waitFor();
  await tab.getByText("201 users", { exact: true }).waitFor();
  await tab.getByRole("status").filter({ hasText: CHANGED }).waitFor();
  await tab.locator(".table-changed").getByRole("button", { name: "Look again" }).click();
  await tab.getByText("197 users", { exact: true }).waitFor();
  assert.equal(await changed.count(), 0);
  assert.equal(await seen.count(), 0);
  assert.deepEqual(complaints, []);
}

async function expire({ users, sessions, signIn }: ConsoleService): Promise<void> {
  const { tab, complaints } = await signIn("/users");
  const rows = tab.locator("tbody tr");
  let asked = 0;
  tab.on("request", (request) => request.url().endsWith("/ListSessions") && asked++);
  // On a busy machine it may be over before the page is there: then another one lasts longer.
  for (let seconds = 4; ; seconds *= 2) {
    const userId = `brief-${seconds}`;
    await users.createUser({ userId });
    const value = durationFromMs(seconds * 1_000);
    await sessions.createSession({ userId, userAgent: userId, expiry: { case: "duration", value } });
    await tab.evaluate(`history.pushState(null, "", "/console/users/${userId}/sessions")`);
    const row = rows.filter({ has: tab.getByText(userId, { exact: true }) });
    await row.or(tab.getByText("No open session")).first().waitFor();
    await tab.getByText("Live", { exact: true }).waitFor();
    if (await row.getByText("Open").isVisible()) break;
  }
  asked = 0;
  await rows.getByText("Expired", { exact: true }).waitFor();
  assert.equal(await rows.getByRole("button").count(), 0);
  assert.equal(asked, 0);
  assert.deepEqual(complaints, []);
}

/** Shows so many pages of a list. On a busy machine they may be short. `from`: the number that is shown. */
async function readPages(tab: Page, pages: number, from = 1): Promise<void> {
  for (let page = from; page < pages; page++) {
    await readOn(tab, () => tab.getByRole("button", { name: "Show more" }).click());
  }
}

/** Does what has further rows shown, and waits for them. */
async function readOn(tab: Page, act: () => Promise<unknown>): Promise<void> {
  const rows = tab.locator("tbody tr");
  await rows.first().waitFor();
  const shown = await rows.count();
  await act();
  await until(async () => (await rows.count()) > shown, "further rows");
}
