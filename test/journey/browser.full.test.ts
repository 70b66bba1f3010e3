/** A page of another origin in headless Chromium: preflights, answers and refusals, and origins that are kept out. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Browser, Page as BrowserTab } from "playwright-core";
import type { Page, PageCall } from "../support/browser-page.ts";
import { openBrowser, skippedWithoutChromium } from "../support/chromium.ts";
import type { Outcome } from "../support/outcome.ts";
import { startPageServer } from "../support/page-server.ts";
import { ADMIN_KEY, startService, TestClock } from "../support/service.ts";
import { until } from "../support/until.ts";

declare const page: Page;

/** The page of an origin, ready to call. */
async function openPage(browser: Browser, origin: string): Promise<BrowserTab> {
  const tab = await browser.newPage();
  const troubles: string[] = [];
  tab.on("pageerror", (error) => troubles.push(String(error)));
  await tab.goto(origin);
  await tab
    .waitForFunction(() => "page" in globalThis)
    .catch((error: unknown) => {
      throw new Error(`the page's modules do not load: ${troubles.join("; ")}`, { cause: error });
    });
  return tab;
}

async function clientsIn(tab: BrowserTab): Promise<readonly string[]> {
  const clients = await tab.evaluate(() => page.clients);
  assert.equal(clients.length, 6);
  return clients;
}

function callIn(tab: BrowserTab, call: PageCall): Promise<Outcome> {
  // As text: playwright's types lose themselves in the depths of JSON.
  return tab.evaluate((text) => page.call(JSON.parse(text)), JSON.stringify(call));
}

function summaryOf(outcome: Outcome): unknown {
  if ("refusal" in outcome) {
    const { code, reason, fields } = outcome.refusal;
    return [code, reason, ...fields];
  }
  const { details, user } = outcome.answer as { details: object; user: { state: string } };
  return { details, state: user.state };
}

test("a page of a configured origin gets answers and refusals with their details from every client", async (t) => {
  if (skippedWithoutChromium(t)) return;
  const { origin } = await startPageServer(t, "/test/support/browser-page.ts");
  const clock = new TestClock();
  const { url, users } = await startService(t, { clock: () => clock.now, config: { corsOrigins: [origin] } });
  const tab = await openPage(await openBrowser(t), origin);
  const clients = await clientsIn(tab);
  for (const [index] of clients.entries()) await users.createUser({ userId: `u${index}` });
  clock.advance(1500);
  const details = { creationDate: "2026-01-01T00:00:00Z", changeDate: "2026-01-01T00:00:01.500Z" };
  for (const [index, client] of clients.entries()) {
    const say = async (rpc: string, more: object = {}, key: string | undefined = ADMIN_KEY): Promise<unknown> => {
      const request = { userId: `u${index}`, ...more };
      return summaryOf(await callIn(tab, { client, url, rpc, request, ...(key === "" ? {} : { key }) }));
    };
    const locked = { details: { sequence: "2", ...details, resourceOwner: "default" }, state: "STATE_LOCKED" };
    assert.deepEqual(await say("LockUser", { note: "grüße 🎈" }), locked, client);
    assert.deepEqual(await say("LockUser"), ["FailedPrecondition", "USER_ALREADY_LOCKED"], client);
    const unlocked = { details: { sequence: "3", ...details, resourceOwner: "default" }, state: "STATE_ACTIVE" };
    assert.deepEqual(await say("UnlockUser"), unlocked, client);
    // Connect with JSON tells of fields by their names in JSON, as REST does.
    const field = client.includes("Connect, JSON") ? "reasonCode" : "reason_code";
    assert.deepEqual(await say("BanUser", { reasonCode: "-" }), ["InvalidArgument", "FIELD_INVALID", field], client);
    assert.deepEqual(await say("BanUser", { userId: "nobody" }), ["NotFound", "USER_NOT_FOUND"], client);
    assert.deepEqual(await say("BanUser", {}, ""), ["Unauthenticated", "CREDENTIAL_MISSING"], client);
  }
  t.diagnostic(`${clients.length} clients × 6 calls in ${tab.context().browser()?.version()}`);
});

test("the browser asks first, and the headers of refusals may be read by the page", async (t) => {
  if (skippedWithoutChromium(t)) return;
  const { origin } = await startPageServer(t, "/test/support/browser-page.ts");
  const { url, users } = await startService(t, { config: { corsOrigins: [origin] } });
  await users.createUser({ userId: "u1" });
  const tab = await openPage(await openBrowser(t), origin);
  const preflights: number[] = [];
  const devtools = await tab.context().newCDPSession(tab);
  devtools.on("Network.responseReceived", ({ type, response }) => {
    if (type === "Preflight") preflights.push(response.status);
  });
  await devtools.send("Network.enable");
  const read = (path: string, key: string | undefined): Promise<readonly [number, string | null]> =>
    tab.evaluate(
      async ([target, credential]) => {
        const headers = credential === undefined ? {} : { authorization: `Bearer ${credential}` };
        const answer = await fetch(target, {
          method: "POST",
          headers: { "content-type": "application/json", ...headers },
          body: "{}",
        });
        return [answer.status, answer.headers.get("www-authenticate")] as const;
      },
      [url + path, key] as const,
    );
  assert.deepEqual(await read("/v1/users/u1:lock", ADMIN_KEY), [200, null]);
  assert.deepEqual(await read("/v1/users/u1:unlock", undefined), [401, "Bearer"]);
  await until(() => preflights.length >= 2, "preflights; without them the page was not of another origin");
  assert.deepEqual(
    preflights.filter((status) => status !== 204),
    [],
  );
});

test("a page of an origin that is not configured is kept out, and nothing it asks for happens", async (t) => {
  if (skippedWithoutChromium(t)) return;
  const configured = await startPageServer(t, "/test/support/browser-page.ts");
  const foreign = await startPageServer(t, "/test/support/browser-page.ts");
  const { url, users, log } = await startService(t, { config: { corsOrigins: [configured.origin] } });
  await users.createUser({ userId: "u1" });
  const browser = await openBrowser(t);
  const outside = await openPage(browser, foreign.origin);
  for (const client of await clientsIn(outside)) {
    const call = { client, url, rpc: "LockUser", request: { userId: "u1" }, key: ADMIN_KEY };
    const outcome = await callIn(outside, call);
    assert.ok("refusal" in outcome, client);
    assert.ok(["Unknown", "Unavailable", "Internal"].includes(outcome.refusal.code), JSON.stringify(outcome));
    assert.equal(outcome.refusal.reason, "", client);
  }
  assert.equal((await users.getUser({ userId: "u1" })).user?.details?.sequence, 1n);
  assert.doesNotMatch(log(), /UserService\/LockUser/);
  const inside = await openPage(browser, configured.origin);
  const call = { client: "npm grpc-web, text", url, rpc: "LockUser", request: { userId: "u1" }, key: ADMIN_KEY };
  assert.ok("answer" in (await callIn(inside, call)));
});
