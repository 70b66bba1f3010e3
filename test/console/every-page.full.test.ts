/** What holds for every page of the console. The pages are those that its links lead to, so a new one is held to it as well. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { AxeBuilder } from "@axe-core/playwright";
import type { Page } from "playwright-core";
import { NAV, userPath } from "../../console/src/app/routes.ts";
import { isChromiumThere, skippedWithoutChromium } from "../support/chromium.ts";
import { startConsole } from "../support/console.ts";
import { BUSY_USER, HOSTILE_NAMES, seedDesk, seedHostile } from "../support/console-data.ts";

const service = await startConsole({ after });
if (isChromiumThere()) {
  await seedDesk(service);
  await seedHostile(service);
}

/** Goes to an address without leaving the page, which would forget the key, and waits until it shows what it has. */
async function go(tab: Page, path: string): Promise<void> {
  await tab.evaluate(`history.pushState(null, "", ${JSON.stringify(`/console${path}`)})`);
  await settle(tab);
}

async function settle(tab: Page): Promise<void> {
  await tab.locator("#content h1").first().waitFor();
  await tab.locator("#content .loading, [role=dialog] .loading").first().waitFor({ state: "detached" });
}

/** Returns the addresses below `/console` to which a page links. */
async function linksOf(tab: Page): Promise<readonly string[]> {
  const links = await tab.getByRole("link").evaluateAll((all) => all.map((each) => each.getAttribute("href") ?? ""));
  return links.filter((each) => each.startsWith("/console")).map((each) => each.slice("/console".length) || "/");
}

/** Returns an address of each kind of page that links lead to: one of each list's, and every tab of one user. */
async function everyPage(tab: Page): Promise<readonly string[]> {
  const user = userPath(BUSY_USER);
  // A dialog over one page is one over every page.
  const found = new Map([["*", `${user}?act=ban`]]);
  const waiting = [...NAV.map(({ href }) => href), user];
  for (let path = waiting.shift(); path !== undefined; path = waiting.shift()) {
    const kind = path.replace(/[?#].*$/, "").replace(/^(\/[^/]+\/)[^/]+/, "$1*");
    if (found.has(kind)) continue;
    found.set(kind, path);
    await go(tab, path);
    waiting.push(...(await linksOf(tab)).filter((each) => !each.startsWith("/users/") || each.startsWith(user)));
  }
  return [...found.values()];
}

/** Returns what axe finds that keeps somebody from using the page. */
async function seriousFaults(tab: Page, rules?: readonly string[]): Promise<readonly string[]> {
  const builder = new AxeBuilder({ page: tab }).setLegacyMode();
  const { violations } = await (rules === undefined ? builder : builder.withRules([...rules])).analyze();
  return violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .flatMap(({ id, nodes }) =>
      nodes.map(({ target, failureSummary }) => `${id} ${target.join(" ")}: ${failureSummary}`),
    );
}

const PHONE = { width: 390, height: 844 };
const DESK = { width: 1280, height: 900 };

test("every page has a title of its own, fits on a telephone, and keeps nobody out, in light and dark", async (t) => {
  if (skippedWithoutChromium(t)) return;
  const { tab, complaints } = await service.signIn("/");
  const pages = await everyPage(tab);
  t.diagnostic(`${pages.length} pages: ${pages.join(" ")}`);
  assert.ok(pages.length > NAV.length);
  const faults: string[] = [];
  const titles = new Map<string, string>();
  for (const path of pages) {
    await go(tab, path);
    const place = path.replace(/\?.*$/, "").replace(/^(\/[^/]+\/[^/]+)\/.*$/, "$1");
    titles.set(await tab.title(), place);
    faults.push(...(await seriousFaults(tab)).map((each) => `${path}: ${each}`));
    await tab.emulateMedia({ colorScheme: "dark" });
    faults.push(...(await seriousFaults(tab, ["color-contrast"])).map((each) => `${path} dark: ${each}`));
    await tab.emulateMedia({ colorScheme: "light" });
    await tab.setViewportSize(PHONE);
    faults.push(...(await widthFaults(tab)).map((each) => `${path} on a telephone: ${each}`));
    await tab.setViewportSize(DESK);
  }
  assert.deepEqual(faults, []);
  assert.equal(titles.size, new Set(titles.values()).size, JSON.stringify([...titles]));
  assert.deepEqual(complaints, []);
});

/** Returns the innermost parts of a page that make it wider than the window. */
async function widthFaults(tab: Page): Promise<readonly string[]> {
  if (Number(await tab.evaluate("document.documentElement.scrollWidth")) <= PHONE.width) return [];
  return await tab.locator("body *").evaluateAll((all, width) => {
    const wide = all.filter((each) => each.getBoundingClientRect().left + each.scrollWidth > width);
    return wide.filter((each) => !wide.some((other) => other.parentElement === each)).map((each) => each.outerHTML);
  }, PHONE.width);
}

test("hostile names break no page, and mean no other user", async (t) => {
  if (skippedWithoutChromium(t)) return;
  const { tab, complaints } = await service.signIn("/users", undefined, { viewport: PHONE });
  await settle(tab);
  assert.deepEqual(await widthFaults(tab), []);
  const tabs = await tabsOf(tab);
  for (const [index, [userId, name]] of HOSTILE_NAMES.entries()) {
    // The first shows every tab, the others one of them each.
    const shown = index === 0 ? tabs : tabs.slice(index % tabs.length).slice(0, 1);
    for (const each of [undefined, ...shown]) {
      await go(tab, userPath(userId, each));
      assert.equal(await tab.locator("#content h1").textContent(), userId === "blank" ? userId : name);
      assert.deepEqual(await widthFaults(tab), [], `${userId} ${each}`);
    }
    await go(tab, userPath(userId, undefined, "unlock"));
    const dialog = tab.getByRole("dialog");
    await dialog.getByText("The state becomes Active.").waitFor();
    assert.deepEqual(await widthFaults(tab), [], userId);
    await dialog.getByRole("button", { name: "Cancel" }).click();
  }
  assert.deepEqual(complaints, []);
});

/** Returns the ids of the tabs of a user's page, without the first. */
async function tabsOf(tab: Page): Promise<readonly string[]> {
  const user = userPath(BUSY_USER);
  await go(tab, user);
  return (await linksOf(tab)).filter((each) => each.startsWith(`${user}/`)).map((each) => each.slice(user.length + 1));
}
