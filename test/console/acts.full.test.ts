/** Acts on the page of a user, as somebody at the support desk does them, in headless Chromium. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { State } from "../../gen/lockkeeper/user/v1/user_pb.ts";
import { skippedWithoutChromium } from "../support/chromium.ts";
import { finish, startConsole } from "../support/console.ts";

test("somebody finds a user, locks her with a preview, and takes it back from the message", async (t) => {
  if (skippedWithoutChromium(t)) return;
  const { users, sessions, signIn } = await startConsole(t);
  await users.createUser({ userId: "u/1%2F", profile: { displayName: "Alice <b>", email: "alice@example.com" } });
  await users.createUser({ userId: "bob", profile: { username: "bob", email: "alice@example.org" } });
  await users.createUser({ userId: "cleo" });
  await sessions.createSession({ userId: "u/1%2F" });
  const { tab, complaints } = await signIn("/users");
  await tab.getByText("3 users", { exact: true }).waitFor();
  // A text that no name begins with may be an id.
  await tab.getByRole("searchbox", { name: "Search", exact: true }).fill("u/1%2F");
  await tab.keyboard.press("Enter");
  await tab.getByText("1 user", { exact: true }).waitFor();
  await tab.getByRole("searchbox", { name: "Search", exact: true }).fill("ALICE@");
  await tab.keyboard.press("Enter");
  await tab.getByText("2 users", { exact: true }).waitFor();
  await tab.waitForURL(/\/console\/users\?q=ALICE%40$/);
  await tab.getByRole("link", { name: "Alice <b>" }).click();
  await tab.getByText("Active: may sign in.").waitFor();
  await tab.getByRole("button", { name: "Lock", exact: true }).click();
  const dialog = tab.getByRole("dialog", { name: "Lock Alice <b>" });
  await dialog.getByLabel("Reason code").fill("spam wave");
  await dialog.getByLabel("Also end all sessions").check();
  await dialog.getByLabel("Ends").selectOption("In 1 day");
  await dialog.getByText("The state becomes Locked.").waitFor();
  await dialog.getByText("1 session ends.").waitFor();
  assert.equal((await users.getUser({ userId: "u/1%2F" })).user?.state, State.ACTIVE);
  await finish(dialog, "Lock");
  await tab.getByText(/^Locked until .* by LOCKKEEPER_ADMIN_KEY \(you\) because SPAM_WAVE\.$/).waitFor();
  const { user } = await users.getUser({ userId: "u/1%2F" });
  assert.partialDeepStrictEqual(user?.restrictions, [{ reasonCode: "SPAM_WAVE", revokeSessions: true }]);
  await tab
    .getByRole("dialog")
    .filter({ hasText: "Alice <b> is locked." })
    .getByRole("button", { name: "Unlock" })
    .click();
  const back = tab.getByRole("dialog", { name: "Unlock Alice <b>" });
  await back.getByText("The state becomes Active.").waitFor();
  await finish(back, "Unlock");
  await tab.getByText("Active: may sign in.").waitFor();
  assert.equal((await users.getUser({ userId: "u/1%2F" })).user?.state, State.ACTIVE);
  assert.deepEqual(complaints, []);
});

test("two who act on one user do not overwrite each other, and a key that is revoked leads back to the sign-in", async (t) => {
  if (skippedWithoutChromium(t)) return;
  const { users, keys, signIn } = await startConsole(t);
  await users.createUser({ userId: "carol" });
  // Without events.read the page does not see what others do: the service refuses.
  const { apiKey, secret } = await keys.createApiKey({ displayName: "desk", permissions: ["user.read", "user.write"] });
  const { tab, complaints } = await signIn("/users/carol?act=ban", secret);
  const dialog = tab.getByRole("dialog", { name: "Ban carol" });
  await dialog.getByText("The state becomes Banned.").waitFor();
  await users.lockUser({ userId: "carol" });
  await dialog.getByRole("button", { name: "Ban" }).click();
  await dialog.getByText("Somebody changed this user while you were deciding.").waitFor();
  assert.equal((await users.getUser({ userId: "carol" })).user?.state, State.LOCKED);
  await dialog.getByRole("button", { name: "Look again" }).click();
  await finish(dialog, "Ban");
  await tab.getByText(/^Banned for good by desk \(you\)\.$/).waitFor();
  await keys.revokeApiKey({ apiKeyId: apiKey?.apiKeyId ?? "" });
  // Whatever the page asks for next is refused; it may be under way already.
  const ended = tab.getByText("Your credential has expired or was revoked. Sign in again.");
  await Promise.any([tab.getByRole("link", { name: "Users" }).click(), ended.waitFor()]);
  await ended.waitFor();
  assert.deepEqual(
    complaints.filter((each) => !/401/.test(each)),
    [],
  );
});

test("an act whose answer is lost is repeated as the same act, and a hostile name turns no sentence", async (t) => {
  if (skippedWithoutChromium(t)) return;
  const { users, events, signIn } = await startConsole(t);
  await users.createUser({ userId: "mallory", profile: { displayName: "\u202Egnp.exe" } });
  const { tab } = await signIn("/users/mallory/timeline?type=restrictions");
  const name = "\u2068\u202Egnp.exe\u2069";
  await tab.getByRole("button", { name: "Ban", exact: true }).click();
  await tab.waitForURL(/timeline\?type=restrictions&act=ban$/);
  assert.equal(await tab.title(), `${name} · lockkeeper`);
  const dialog = tab.getByRole("dialog", { name: `Ban ${name}` });
  await dialog.getByText("The state becomes Banned.").waitFor();
  await tab.route(
    "**/BanUser",
    async (route) => {
      await route.fetch();
      await route.abort();
    },
    { times: 1 },
  );
  await dialog.getByRole("button", { name: "Ban", exact: true }).click();
  await dialog.getByText(/^The answer of the service was lost, so this may be done already\./).waitFor();
  // The page behind it learns of the ban; the dialog stays about the same act.
  await tab
    .locator(".user-head-state")
    .getByText(/^Banned for good/)
    .waitFor();
  assert.equal(await dialog.getByText("Somebody changed this user").count(), 0);
  assert.ok(await dialog.getByLabel("Note").isDisabled());
  await finish(dialog, "Try again");
  await tab.getByText(`${name} is banned.`, { exact: true }).waitFor();
  await tab.waitForURL(/timeline\?type=restrictions$/);
  // The button that was pressed is gone.
  await tab.locator("h1:focus").waitFor();
  await tab.getByRole("link", { name: "JSON" }).click();
  await tab.getByText(String.raw`"displayName": "\u202Egnp.exe"`).waitFor();
  const { events: recorded } = await events.listEvents({});
  assert.equal(recorded.filter(({ payload }) => payload.case === "userBanned").length, 1);
});
