/** The support desk at work: what each role sees, two at one user, a service that goes and comes back, and no mouse. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, test } from "node:test";
import { State } from "../../gen/lockkeeper/user/v1/user_pb.ts";
import { isChromiumThere, skippedWithoutChromium } from "../support/chromium.ts";
import { finish, slowDown, startConsole, untilFocused } from "../support/console.ts";
import { ADMIN_KEY, spawnService, temporaryFolder } from "../support/service.ts";
import { until } from "../support/until.ts";

const { users, keys, signIn } = await startConsole({ after });
if (isChromiumThere()) {
  await users.createUser({ userId: "alice", profile: { username: "alice" } });
  await users.createUser({ userId: "bob" });
}

test("each role sees what it may do, and why the rest is not for it", async (t) => {
  if (skippedWithoutChromium(t)) return;
  const may = { owner: "all", operator: "all", viewer: "see", login: "nothing", auditor: "nothing" } as const;
  for (const [role, reach] of Object.entries(may)) {
    const { apiKey, secret } = await keys.createApiKey({ displayName: `a ${role}`, role });
    const { tab, complaints } = await signIn("/", secret);
    await tab.getByRole("heading", { name: `Signed in as a ${role}` }).waitFor();
    const menu = tab.getByRole("navigation", { name: "Console" });
    assert.equal(
      await menu.getByRole("link", { name: "Users", exact: true }).count(),
      reach === "nothing" ? 0 : 1,
      role,
    );
    assert.equal(await tab.locator("code", { hasText: /^key\.write$/ }).count(), 1, role);
    // Also who types an address that the menu leaves out learns why there is nothing.
    await tab.evaluate('history.pushState(null, "", "/console/users/alice")');
    if (reach === "nothing") {
      await tab.getByRole("alert").filter({ hasText: "user.read" }).waitFor();
    } else {
      const lock = tab.getByRole("button", { name: "Lock", exact: true });
      await lock.waitFor();
      assert.equal(await lock.getAttribute("aria-disabled"), reach === "see" ? "true" : null, role);
      const why = reach === "see" ? "Your credential lacks the permission user.write." : null;
      assert.equal(await lock.getAttribute("title"), why, role);
      await lock.click({ force: true });
      if (reach === "all") await tab.getByRole("dialog").waitFor();
      assert.equal(await tab.getByRole("dialog").count(), reach === "see" ? 0 : 1, role);
    }
    await tab.context().close();
    await keys.revokeApiKey({ apiKeyId: apiKey?.apiKeyId ?? "" });
    assert.deepEqual(
      complaints.filter((each) => !/403/.test(each)),
      [],
    );
  }
});

test("the second of two at one user learns of the first, and does not overwrite", async (t) => {
  if (skippedWithoutChromium(t)) return;
  const [first, second] = [await signIn("/users/alice?act=ban"), await signIn("/users/alice?act=lock")];
  const [ban, lock] = [first.tab.getByRole("dialog"), second.tab.getByRole("dialog")];
  await ban.getByText("The state becomes Banned.").waitFor();
  await lock.getByText("The state becomes Locked.").waitFor();
  await finish(ban, "Ban");
  await first.tab.getByText(/^Banned for good by /).waitFor();
  await lock.getByText("Somebody changed this user while you were deciding.").waitFor();
  await lock.getByRole("button", { name: "Look again" }).click();
  await lock.getByText("The state stays Banned.").waitFor();
  assert.equal((await users.getUser({ userId: "alice" })).user?.restrictions.length, 1);
  await finish(lock, "Cancel");
  await second.tab.getByText(/^Banned for good by /).waitFor();
  await users.unbanUser({ userId: "alice" });
});

test("no mouse is needed from the sign-in to the lift, and the focus comes back from each dialog", async (t) => {
  if (skippedWithoutChromium(t)) return;
  const { tab } = await signIn("/users");
  await tab.getByText("2 users", { exact: true }).waitFor();
  const { keyboard } = tab;
  const focused = (): Promise<unknown> =>
    tab.evaluate("document.activeElement.textContent || document.activeElement.getAttribute('aria-label')");
  /** Goes on until the focus is at a text. */
  const tabTo = async (text: RegExp, key = "Tab"): Promise<void> => {
    for (let presses = 0; presses < 60; presses++) {
      if (text.test(String(await focused()))) return;
      await keyboard.press(key);
    }
    assert.fail(`the keyboard does not reach ${text}`);
  };
  await tabTo(/^Skip to the content$/);
  await keyboard.press("Enter");
  await keyboard.press("Tab");
  await keyboard.type("alice");
  await keyboard.press("Enter");
  await tab.getByText("1 user", { exact: true }).waitFor();
  await tab.locator("h1:focus").waitFor();
  await tabTo(/^alice$/);
  await keyboard.press("Enter");
  await tab.getByText("Active: may sign in.").waitFor();
  await tabTo(/^Lock$/);
  await keyboard.press("Enter");
  await tab.getByRole("dialog").getByLabel("Reason code").and(tab.locator(":focus")).waitFor();
  await keyboard.press("Escape");
  await tab.getByRole("dialog").waitFor({ state: "detached" });
  await until(async () => (await focused()) === "Lock", "the focus where it was before the dialog");
  await keyboard.press("Enter");
  await tab.getByText("The state becomes Locked.").waitFor();
  await untilFocused(tab.getByRole("dialog"));
  await keyboard.type("spam");
  await keyboard.press("Enter");
  await tab.getByText(/^Locked until .* because SPAM\.$/).waitFor();
  await tab.locator(".dialog").waitFor({ state: "detached" });
  await tab.locator("h1:focus").waitFor();
  await tabTo(/^Unlock$/);
  await keyboard.press("Enter");
  await tab.getByText("The state becomes Active.").waitFor();
  await untilFocused(tab.getByRole("dialog", { name: "Unlock" }));
  await tabTo(/^Unlock$/);
  await keyboard.press("Enter");
  await tab.getByText("Active: may sign in.").waitFor();
  // The tab was opened with it, as somebody has it who is made ill by what moves.
  const moving = "document.getAnimations().filter((each) => each.playState === 'running').length";
  assert.equal(await tab.evaluate(moving), 0);
});

test("a dialog that is closed does not hear the press that opens it again", async (t) => {
  if (skippedWithoutChromium(t)) return;
  const { tab } = await signIn("/users/bob");
  await tab.getByRole("button", { name: "Lock", exact: true }).press("Enter");
  await tab.getByText("The state becomes Locked.").waitFor();
  await slowDown(tab);
  await tab.keyboard.press("Escape");
  const isBack = "document.activeElement.textContent === 'Lock' && document.querySelector('.dialog') === null";
  await until(() => tab.evaluate<boolean>(isBack), "the focus where it was before the dialog");
  await tab.keyboard.press("Enter");
  await tab.getByText("The state becomes Locked.").waitFor();
});

test("a double click is one press, whatever the first click has brought under the second", async (t) => {
  if (skippedWithoutChromium(t)) return;
  const { tab } = await signIn("/users/bob");
  const dialog = tab.getByRole("dialog", { name: "Deactivate bob" });
  const act = dialog.getByRole("button", { name: "Deactivate", exact: true });
  const clickAgain = async (): Promise<void> => {
    await tab.mouse.down({ clickCount: 2 });
    await tab.mouse.up({ clickCount: 2 });
  };
  await tab.getByRole("button", { name: "Deactivate", exact: true }).click();
  await dialog.getByText("The state becomes Inactive.").waitFor();
  await clickAgain();
  await users.updateUser({ userId: "bob", profile: { displayName: "bob" } });
  await dialog.getByRole("button", { name: "Look again" }).click();
  await act.waitFor();
  await clickAgain();
  await tab.keyboard.press("Escape");
  await dialog.waitFor({ state: "detached" });
  assert.equal((await users.getUser({ userId: "bob" })).user?.state, State.ACTIVE);
});

test("a dialog takes the focus where frames are slow, too", async (t) => {
  if (skippedWithoutChromium(t)) return;
  const { tab } = await signIn("/users");
  // Its part of the page listens to the keys.
  await tab.getByRole("button", { name: "Keyboard" }).waitFor();
  await tab.evaluate(`
    const [frame, timeout] = [requestAnimationFrame, setTimeout];
    globalThis.requestAnimationFrame = (callback) => timeout(() => frame(callback), 500);
    // What the dialog does as it opens comes after what looks for a lost focus.
    globalThis.setTimeout = (callback, milliseconds = 0) => timeout(callback, milliseconds < 50 ? 200 : milliseconds);
    // The focus is lost at the moment at which the dialog opens.
    const gone = document.body.appendChild(document.createElement("button"));
    gone.focus();
    gone.remove();
    document.dispatchEvent(new KeyboardEvent("keydown", { key: "/" }));
  `);
  await tab.getByRole("dialog", { name: "Jump to a user" }).getByLabel("User id").and(tab.locator(":focus")).waitFor();
});

test("while the service is away the page says so, and goes on when it is back", async (t) => {
  if (skippedWithoutChromium(t)) return;
  const path = join(await temporaryFolder(t), "lockkeeper.db");
  const first = await spawnService(t, { path });
  const listen = new URL(first.url).host;
  const { tab } = await signIn("/", ADMIN_KEY, { url: first.url });
  first.process.kill("SIGKILL");
  await tab.getByRole("link", { name: "Users", exact: true }).click();
  await tab.getByText("The service does not answer.").waitFor();
  const second = await spawnService(t, { path, listen });
  assert.equal(second.url, first.url);
  await tab.getByRole("button", { name: "Try again" }).click();
  await tab.getByText("There are no users yet").waitFor();
  // A fault of the page itself does not appear as an outage.
  await tab.evaluate("crypto.getRandomValues = undefined");
  await tab.getByRole("link", { name: "Organizations", exact: true }).click();
  await tab.getByRole("button", { name: "Create an organization" }).click();
  const id = tab.getByRole("dialog").getByLabel("Id", { exact: true });
  await id.fill("acme");
  await id.press("Enter");
  await tab.getByText("This page has a fault").waitFor();
  await tab.context().close();
});

test("a ban and its lift on PostgreSQL", async (t) => {
  if (skippedWithoutChromium(t)) return;
  const service = await startConsole(t, { onPostgres: true });
  await service.users.createUser({ userId: "alice" });
  const { tab, complaints } = await service.signIn("/users/alice?act=ban");
  await finish(tab.getByRole("dialog"), "Ban");
  await tab.getByText(/^Banned for good by /).waitFor();
  assert.equal((await service.users.getUser({ userId: "alice" })).user?.state, State.BANNED);
  await tab.locator(".toast").getByRole("button", { name: "Lift ban" }).click();
  await finish(tab.getByRole("dialog", { name: "Lift the ban" }), "Lift ban");
  await tab.getByText("Active: may sign in.").waitFor();
  assert.deepEqual(complaints, []);
});

test("a key whose creation got no answer is found and revoked, and not created twice", async (t) => {
  if (skippedWithoutChromium(t)) return;
  const { tab } = await signIn("/keys");
  await tab.getByRole("button", { name: "Create a key" }).click();
  const name = tab.getByRole("dialog").getByLabel("Name");
  await name.fill("lost");
  await tab.getByText(/^It may: /).waitFor();
  await tab.route("**/CreateApiKey", (route) => route.fetch().then(() => route.abort()), { times: 1 });
  await name.press("Enter");
  await tab.getByText("so the key may exist, with a secret that nobody has seen").waitFor();
  await tab.getByRole("button", { name: "Revoke that key" }).click();
  await finish(tab.getByRole("dialog", { name: "Revoke" }), "Revoke");
  const { apiKeys } = await keys.listApiKeys({});
  const made = apiKeys.filter(({ displayName }) => displayName === "lost");
  assert.deepEqual(
    made.map(({ revokeTime }) => revokeTime !== undefined),
    [true],
  );
});
