/** A list with many users: each page comes as fast as the first, however far down it is. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { skippedWithoutChromium } from "../support/chromium.ts";
import { enterKey, startConsole } from "../support/console.ts";
import { scaled } from "../support/scale.ts";
import { ADMIN_KEY } from "../support/service.ts";
import { until } from "../support/until.ts";

const USERS = scaled({ quick: 2_000, full: 2_000, soak: 100_000 });
const BATCH = 1_000;
const PAGES = scaled({ quick: 5, full: 5, soak: 40 });

test(`${USERS} users are paged through and searched`, async (t) => {
  if (skippedWithoutChromium(t)) return;
  const { users, open } = await startConsole(t);
  for (let from = 0; from < USERS; from += BATCH) {
    const batch = Array.from({ length: BATCH }, (_, index) => {
      const number = String(from + index).padStart(6, "0");
      return { userId: `u${number}`, profile: { username: `somebody-${number}` } };
    });
    const { results } = await users.importUsers({ users: batch });
    assert.equal(results.length, BATCH);
  }
  const { tab, complaints } = await open("/users");
  const rows = tab.locator("tbody tr");
  let asked = 0;
  tab.on("request", (request) => {
    if (request.url().endsWith("/ListUsers")) asked++;
  });
  await enterKey(tab, ADMIN_KEY);
  let shown = 0;
  for (let page = 1; page <= PAGES; page++) {
    await until(async () => (await rows.count()) > shown, "further rows");
    shown = await rows.count();
    await tab.getByText(`${shown} or more users`.replace(/(\d)(\d{3}) /, "$1,$2 ")).waitFor();
    if (page < PAGES) await tab.getByRole("button", { name: "Show more" }).click();
  }
  assert.equal(asked, PAGES, "what is shown is not asked for again");
  // After an act the long list is as it was scrolled, and has the user as it is now.
  const last = rows.nth(shown - 1);
  const name = await last.getByRole("link").innerText();
  await last.getByRole("link").click();
  await tab.getByRole("button", { name: "Ban", exact: true }).click();
  await tab.getByRole("dialog").getByRole("button", { name: "Ban", exact: true }).click();
  await tab.getByText(/^Banned for good/).waitFor();
  await tab.goBack();
  await tab.getByRole("row", { name: new RegExp(`^${name} .*Banned`) }).waitFor();
  assert.equal(await rows.count(), shown);
  assert.equal(asked, PAGES, "a long list is not read again");
  await tab.getByText("This list may have changed since you read it.").waitFor();
  await tab.getByRole("searchbox").first().fill("somebody-001234");
  await tab.keyboard.press("Enter");
  await tab.getByText("1 user", { exact: true }).waitFor();
  assert.deepEqual(complaints, []);
});
