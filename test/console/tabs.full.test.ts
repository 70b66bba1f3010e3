/** The tabs of a user's page and the events of everybody, as somebody at the support desk uses them. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { durationFromMs, timestampFromMs } from "@bufbuild/protobuf/wkt";
import type { Locator, Page } from "playwright-core";
import { Factor } from "../../gen/lockkeeper/resource/v1/factor_pb.ts";
import { Cause } from "../../gen/lockkeeper/resource/v1/restriction_pb.ts";
import { State } from "../../gen/lockkeeper/user/v1/user_pb.ts";
import { skippedWithoutChromium } from "../support/chromium.ts";
import { type ConsoleService, enterKey, finish, holdAnswer, startConsole, whileAsked } from "../support/console.ts";
import { until } from "../support/until.ts";

/** Each step of the journey begins in a tab of its own, and leaves the service to the next. */
const STEPS: Readonly<Record<string, (service: ConsoleService) => Promise<void>>> = {
  "the timeline says who did what and why, and goes on by itself": followTimeline,
  "a long timeline is not read again after an act": keepTimeline,
  "a timeline does not look as if it ended where more could not be read": missPage,
  "times are those of the service, whatever the browser's clock says": trustService,
  "sessions are ended one by one and together": endSessions,
  "attempts are counted by factor and address, and explain a lock": explainLock,
  "a restriction begins later, and the directory's is lifted by itself": scheduleAndLift,
  "the events of everybody are filtered, downloaded and erased": useEventsPage,
};

test("the tabs of a user and the events of everybody", async (t) => {
  if (skippedWithoutChromium(t)) return;
  const service = await startConsole(t);
  for (const [name, step] of Object.entries(STEPS)) await t.test(name, () => step(service));
});

async function followTimeline({ users, signIn }: ConsoleService): Promise<void> {
  await users.createUser({ userId: "alice", profile: { email: "alice@example.com" } });
  await users.lockUser({ userId: "alice", reasonCode: "SPAM", note: "<b>Thrice</b> \u202Ethis week" });
  const { tab, complaints } = await signIn("/users/alice/timeline");
  const rows = tab.getByRole("list", { name: "Events, the newest first" }).getByRole("listitem");
  await tab.getByText("Live", { exact: true }).waitFor();
  const locked = /LOCKKEEPER_ADMIN_KEY \(you\) locked this user until .* because SPAM\.\s*<b>Thrice<\/b>/;
  await rows.nth(0).filter({ hasText: locked }).waitFor();
  await rows.nth(1).getByText("created this user.").waitFor();
  await rows.nth(1).getByText("Details").click();
  await rows.nth(1).getByText('"email": "alice@example.com"').waitFor();
  await users.unlockUser({ userId: "alice", reasonCode: "MISTAKE" });
  await rows.nth(0).getByText("unlocked this user because MISTAKE.").waitFor();
  // What was open stays open, and those who hear the page learn of the row.
  await rows.nth(2).getByText('"email": "alice@example.com"').waitFor();
  await tab.getByText("1 new event at the top.").waitFor();
  await tab.getByLabel("What").selectOption("Accounts and profiles");
  await until(async () => (await rows.count()) === 1, "the one event of the account");
  await tab.waitForURL(/timeline\?type=accounts$/);
  await users.updateUser({ userId: "alice", profile: { phone: "1" } });
  await rows.nth(0).getByText("changed phone of this user.").waitFor();
  await users.lockUser({ userId: "alice" });
  await tab.getByText(/^Locked until/).waitFor();
  assert.equal(await rows.count(), 2);
  assert.deepEqual(complaints, []);
}

async function keepTimeline({ users, events, signIn }: ConsoleService): Promise<void> {
  const names = Array.from({ length: 400 }, (_, index) => `Olga ${index}`);
  await users.createUser({ userId: "olga" });
  await Promise.all(names.map((displayName) => users.updateUser({ userId: "olga", profile: { displayName } })));
  const { tab, complaints } = await signIn("/users/olga/timeline");
  await tab.getByText("Live", { exact: true }).waitFor();
  const rows = tab.getByRole("list", { name: "Events, the newest first" }).getByRole("listitem");
  // The key End held down on a busy machine: answers come while the end is in sight again, and what was in sight in earlier
  // frames comes with what is.
  const held = await tab.evaluate<number>(`
    const Observer = IntersectionObserver;
    globalThis.IntersectionObserver = class extends Observer {
      constructor(see, options) {
        super((entries) => see([{ isIntersecting: false }, ...entries]), options);
      }
    };
    setInterval(() => window.scrollTo(0, document.body.scrollHeight), 10);
  `);
  await until(async () => (await rows.count()) === names.length + 1, "all rows");
  await tab.evaluate(`clearInterval(${held})`);
  let lists = 0;
  tab.on("request", (request) => request.url().endsWith("/ListEvents") && lists++);
  await tab.getByRole("button", { name: "Lock", exact: true }).click();
  await finish(tab.getByRole("dialog", { name: "Lock" }), "Lock");
  await rows
    .nth(0)
    .getByText(/locked this user until/)
    .waitFor();
  await tab.getByText(/^Locked until/).waitFor();
  assert.equal(await rows.count(), names.length + 2);
  assert.equal(lists, 0);
  // What is erased is read again from the top, before more at the end: otherwise nothing would tell of it.
  await scrollToEnd(tab);
  const read = holdAnswer(tab, "ListEvents");
  await events.redactEvent({ userId: "olga", sequence: 2n });
  await read.read;
  await tab.evaluate("new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)))");
  read.letGo();
  await rows
    .nth(0)
    .getByText(/erased displayName/)
    .waitFor();
  await until(() => scrollToEnd(tab).then(async () => (await rows.count()) > 200), "more at the end");
  assert.deepEqual(complaints, []);
}

/** Rows that no frame has shown yet have a height that is guessed: their end may move away. */
async function scrollToEnd(tab: Page): Promise<void> {
  await tab.evaluate("window.scrollTo(0, document.body.scrollHeight)");
}

async function missPage({ signIn }: ConsoleService): Promise<void> {
  const { tab } = await signIn("/users/olga/timeline");
  const rows = tab.getByRole("list", { name: "Events, the newest first" }).getByRole("listitem");
  await rows.nth(49).waitFor();
  await tab.route("**/ListEvents", (route) => route.abort(), { times: 1 });
  const again = tab.getByRole("button", { name: "Try again" });
  await until(() => scrollToEnd(tab).then(() => again.isVisible()), "the end of the list, and what it says");
  const topOf = async (part: Locator): Promise<number> => (await part.boundingBox())?.y ?? 0;
  assert.ok((await topOf(again)) > (await topOf(rows.last())));
  await again.click();
  await rows.nth(99).waitFor();
}

async function trustService({ users, keys, open }: ConsoleService): Promise<void> {
  // Without events.read nothing but the clock tells the page that the lock is over.
  const { secret } = await keys.createApiKey({ displayName: "unfed", permissions: ["user.read", "user.write"] });
  const visit = async (hours: number): Promise<void> => {
    const { tab, complaints } = await open("/users/olga");
    await tab.clock.setSystemTime(Date.now() + hours * 3_600_000);
    await enterKey(tab, secret);
    const [locked, active] = [tab.getByText(/^Locked until/), tab.getByText("Active: may sign in.")];
    await locked.waitFor();
    let userId = "";
    // On a busy machine the lock may be over before the page is there: then another one is longer.
    for (let seconds = 4; seconds === 4 || !(await locked.isVisible()); seconds *= 2) {
      userId = `skewed${hours}.${seconds}`;
      await users.createUser({ userId });
      await users.lockUser({ userId, expiry: { case: "duration", value: durationFromMs(seconds * 1_000) } });
      await tab.evaluate(`history.pushState(null, "", "/console/users/${userId}")`);
      await tab.getByRole("heading", { name: userId }).waitFor();
    }
    await active.waitFor();
    await tab.getByRole("button", { name: "Ban", exact: true }).click();
    const dialog = tab.getByRole("dialog", { name: `Ban ${userId}` });
    await dialog.getByLabel("Ends").selectOption("At an exact time");
    // In an hour, as the control has it in the time zone of this machine.
    const end = new Date(Date.now() + 3_600_000 - new Date().getTimezoneOffset() * 60_000);
    await dialog.getByLabel("Exact end, in your time").fill(end.toISOString().slice(0, 16));
    await dialog.getByRole("button", { name: "Ban", exact: true }).click();
    await tab.getByText(/^Banned until/).waitFor();
    assert.deepEqual(complaints, []);
  };
  await Promise.all([visit(-5), visit(5)]);
}

async function endSessions({ users, sessions, signIn }: ConsoleService): Promise<void> {
  await users.createUser({ userId: "bob" });
  for (const userAgent of ["Firefox", "Chromium", "Safari"]) await sessions.createSession({ userId: "bob", userAgent });
  const { tab, complaints } = await signIn("/users/bob/sessions");
  await tab.getByRole("button", { name: "End the session of Firefox" }).click();
  const ending = tab.getByRole("dialog", { name: "End this session" });
  // It stays until the sessions are read again: nobody is offered to end one twice.
  const isOpen = whileAsked(tab, "ListSessions", () => ending.locator("[type=submit][aria-busy]").isVisible());
  await finish(ending, "End");
  assert.ok(await isOpen);
  assert.equal(await tab.getByRole("row", { name: /Firefox/ }).count(), 0);
  const { sessions: left } = await sessions.listSessions({ userId: "bob", activeOnly: true });
  assert.deepEqual(left.map(({ userAgent }) => userAgent).sort(), ["Chromium", "Safari"]);
  await tab.getByRole("button", { name: "End all sessions" }).click();
  const dialog = tab.getByRole("dialog", { name: "End all sessions of bob" });
  await dialog.getByText("2 sessions end.").waitFor();
  await dialog.getByLabel("Reason code").fill("lost phone");
  await finish(dialog, "End all sessions");
  await tab.getByText("No open session").waitFor();
  await tab.getByLabel("Show", { exact: true }).selectOption("Open and ended sessions");
  await tab.getByRole("row", { name: /Safari.*Ended with all/ }).waitFor();
  assert.equal(await tab.getByRole("button", { name: /^End the session/ }).count(), 0);
  assert.deepEqual(complaints, []);
}

async function explainLock({ users, signIns, policies, signIn }: ConsoleService): Promise<void> {
  await policies.updatePolicy({
    values: { growthFactor: 2, limits: [{ factor: Factor.PASSWORD, attemptsMax: 3 }] },
  });
  await users.createUser({ userId: "carol" });
  const fail = async (ip: string, factor: Factor): Promise<unknown> =>
    await signIns.recordFailure({ subject: { subject: { case: "userId", value: "carol" } }, factor, client: { ip } });
  await fail("2001:db8::7", Factor.OTP);
  for (let count = 0; count < 3; count++) await fail("203.0.113.9", Factor.PASSWORD);
  const { tab, complaints } = await signIn("/users/carol/attempts");
  const tally = tab.locator(".tally li");
  await tally.nth(3).waitFor();
  assert.deepEqual(
    (await tally.allInnerTexts()).map((each) => each.replace(/\s+/g, " ")),
    [
      "Password 3 failed, 0 succeeded",
      "One-time code 1 failed, 0 succeeded",
      "203.0.113.9 3 failed, 0 succeeded",
      "2001:db8::7 1 failed, 0 succeeded",
    ],
  );
  await tab.getByRole("button", { name: "Only attempts from 2001:db8::7" }).click();
  await until(async () => (await tab.locator("tbody tr").count()) === 1, "the one attempt from the address");
  await tab.waitForURL(/attempts\?network=2001%3Adb8%3A%3A7$/);
  await tab.getByRole("link", { name: "Explain" }).click();
  await tab.getByText("The user may not sign in now.").waitFor();
  await tab.getByText(/If nobody acts, the user may sign in again from/).waitFor();
  await tab
    .getByText("The policy locks after 3 failures with a password within 1 hour, at first for 1 hour.")
    .waitFor();
  await tab.getByText("This is lock 1 of 6 in a row of growing locks.").waitFor();
  await tab.getByRole("main").getByRole("button", { name: "Unlock" }).last().click();
  await finish(tab.getByRole("dialog", { name: "Unlock carol" }), "Unlock");
  await tab.getByText("The user may sign in now.").waitFor();
  assert.equal((await users.getUser({ userId: "carol" })).user?.state, State.ACTIVE);
  assert.deepEqual(complaints, []);
}

async function scheduleAndLift({ users, signIn }: ConsoleService): Promise<void> {
  await users.createUser({ userId: "dave" });
  await users.deactivateUser({ userId: "dave", cause: Cause.DIRECTORY });
  const { tab, complaints } = await signIn("/users/dave?act=ban");
  const ban = tab.getByRole("dialog", { name: "Ban dave" });
  await ban.getByLabel("Begins").selectOption("At an exact time");
  await ban.getByRole("button", { name: "Ban", exact: true }).click();
  await ban.getByText("Choose a time in the future.").waitFor();
  await ban.getByLabel("Exact beginning, in your time").fill("2999-01-01T10:00");
  await ban.getByLabel("Ends").selectOption("In 1 day");
  await ban.getByText(/^It begins 1 Jan 2999/).waitFor();
  await ban.getByText(/^It ends 2 Jan 2999/).waitFor();
  await ban.getByText("All sessions end when it begins.").waitFor();
  await finish(ban, "Ban");
  const card = tab.locator(".card", { has: tab.getByRole("heading", { name: "Deactivation (by the directory)" }) });
  await card.getByText("After lifting it remains: Ban.").waitFor();
  await card.getByRole("button", { name: "Reactivate for the directory" }).click();
  const lift = tab.getByRole("dialog", { name: "Reactivate dave for the directory" });
  await lift.getByText("Still in force: Ban.").waitFor();
  await finish(lift, "Reactivate for the directory");
  await tab.getByText("Active: may sign in.").waitFor();
  const { user } = await users.getUser({ userId: "dave" });
  assert.partialDeepStrictEqual(user?.restrictions, [
    { startTime: timestampFromMs(new Date("2999-01-01T10:00").getTime()) },
  ]);
  assert.equal(user?.state, State.ACTIVE);
  assert.deepEqual(complaints, []);
}

async function useEventsPage({ users, keys, signIn }: ConsoleService): Promise<void> {
  await users.createUser({ userId: "erin", profile: { email: "erin@example.com" }, note: "Called twice" });
  // `%41` is an id, and not another writing of `A`.
  await users.createUser({ userId: "%41" });
  const { tab, complaints } = await signIn("/events?user=%2541");
  await tab.getByText("created %41.").waitFor();
  await tab.getByLabel("User id").fill("erin");
  await tab.getByRole("button", { name: "Show" }).click();
  const rows = tab.getByRole("list", { name: "Events, the newest first" }).getByRole("listitem");
  // That it is live says nothing here: it was before.
  await rows
    .nth(0)
    .filter({ hasText: /created erin\.\s*Called twice/ })
    .waitFor();
  assert.equal(await rows.count(), 1);
  await users.banUser({ userId: "erin" });
  await users.banUser({ userId: "bob" });
  await rows
    .nth(0)
    .getByText(/banned erin for good\./)
    .waitFor();
  const [download] = await Promise.all([
    tab.waitForEvent("download"),
    tab.getByRole("button", { name: "Download 2 events" }).click(),
  ]);
  const lines = (await readFile(await download.path(), "utf8")).trim().split("\n");
  assert.deepEqual(
    lines.map((line) => "userBanned" in JSON.parse(line)),
    [true, false],
  );
  await rows.nth(1).getByText("Details").click();
  await rows.nth(1).getByRole("button", { name: "Erase values" }).click();
  const dialog = tab.getByRole("dialog", { name: "Erase values of event 1" });
  await dialog.getByText("This cannot be undone.").waitFor();
  await dialog.getByLabel("email").uncheck();
  await finish(dialog, "Erase forever");
  await rows.nth(0).getByText("erased note of event 1 of erin.").waitFor();
  await rows.nth(2).getByText("Erased since: note.").waitFor();
  assert.equal(await tab.getByText("Called twice").count(), 0);
  assert.equal((await users.getUser({ userId: "erin" })).user?.profile?.email, "erin@example.com");
  const { secret } = await keys.createApiKey({ displayName: "auditor", role: "auditor" });
  const auditor = await signIn("/events?user=erin&type=UserCreated", secret);
  await auditor.tab.getByText("Not shown without the permission user.read: email.").waitFor();
  assert.equal(await auditor.tab.getByRole("link", { name: "erin" }).count(), 0);
  assert.deepEqual([...complaints, ...auditor.complaints], []);
}
