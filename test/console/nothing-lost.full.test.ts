/** What somebody has typed, scrolled to, or ought to read first is not lost on the way. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Page } from "playwright-core";
import { skippedWithoutChromium } from "../support/chromium.ts";
import { type ConsoleService, startConsole } from "../support/console.ts";
import { until } from "../support/until.ts";

const STEPS: Readonly<Record<string, (service: ConsoleService) => Promise<void>>> = {
  "a policy that is changed and not saved is left only on purpose": leavePolicy,
};

test("what somebody has at hand is not lost", async (t) => {
  if (skippedWithoutChromium(t)) return;
  const service = await startConsole(t);
  for (const [name, step] of Object.entries(STEPS)) await t.test(name, () => step(service));
});

async function leavePolicy({ signIn }: ConsoleService): Promise<void> {
  const { tab, complaints } = await signIn("/users");
  const menu = tab.getByRole("navigation", { name: "Console" });
  const question = tab.getByRole("dialog", { name: "Leave without saving?" });
  const growth = tab.getByLabel("Each further lock is longer by the factor", { exact: true });
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
  await tab.getByRole("main").focus();
  await stays(() => tab.keyboard.press("g").then(() => tab.keyboard.press("u")), /^Policy/);
  await stays(() => tab.getByLabel("Policy of").selectOption("Default (default)"), /^Policy of/);
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
}

/** Waits until the focus is at what has such a name. */
async function waitForFocus(tab: Page, name: RegExp): Promise<void> {
  const named = "document.activeElement.labels?.[0]?.textContent ?? document.activeElement.textContent";
  await until(async () => name.test(String(await tab.evaluate(named))), `the focus at ${name}`);
}
