/** The reference page at /docs in headless Chromium: it shows operations, calls them with a key, and asks this host alone. */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import type { Page } from "playwright-core";
import { complaintsOf, openBrowser, skippedWithoutChromium } from "../support/chromium.ts";
import { ADMIN_KEY, startService } from "../support/service.ts";
import { until } from "../support/until.ts";

interface Visit {
  readonly tab: Page;
  /** Every address that the page asked for. */
  readonly asked: readonly string[];
  /** What the browser complains of: refused by the Content-Security-Policy, exceptions, failed requests. */
  readonly complaints: readonly string[];
}

async function visit(t: TestContext, address: string): Promise<Visit> {
  const tab = await (await openBrowser(t)).newPage();
  const asked: string[] = [];
  tab.on("request", (request) => asked.push(request.url()));
  const complaints = complaintsOf(tab);
  await tab.goto(address);
  return { tab, asked, complaints };
}

/** What stands on the page once the phrase is typed into the filter. */
const FILTERED: Readonly<Record<string, readonly string[]>> = {
  lockkeeper: [],
  "/v1/users/{user_id}:ban": ["BanUser"],
  "Lifts the ban": ["UnbanUser", "UnbanUser_Connect"],
  "/lockkeeper.user.v1.UserService/LockUser": ["LockUser_Connect"],
  "lockuser USER": ["LockUser", "UnlockUser", "LockUser_Connect", "UnlockUser_Connect"],
};

async function assertFilters(tab: Page): Promise<void> {
  const shown = tab.locator(".opblock");
  for (const [phrase, names] of Object.entries(FILTERED)) {
    await tab.locator(".operation-filter-input").fill(phrase);
    for (const name of names) await tab.locator(`[id$="-UserService_${name}"]`).waitFor();
    await until(async () => (await shown.count()) === names.length, `the ${names.length} operations of ${phrase}`);
  }
}

test("the page shows the operations, finds them as one types them, and carries out a call with the key that is typed", async (t) => {
  if (skippedWithoutChromium(t)) return;
  const { url, users } = await startService(t);
  const { tab, asked, complaints } = await visit(t, `${url}/docs`);
  const block = tab.locator("#operations-UserService-UserService_CreateUser");
  await block.waitFor();
  await until(async () => (await tab.locator(".opblock").count()) > 70, "all operations");
  await tab.locator(".auth-wrapper .authorize").first().click();
  await tab.locator(".auth-container input").fill(ADMIN_KEY);
  await tab.locator(".auth-btn-wrapper .authorize").click();
  await tab.locator(".auth-btn-wrapper .btn-done").click();
  await block.locator(".opblock-summary-control").click();
  await block.locator(".try-out__btn").click();
  await block.locator(".execute").click();
  const status = block.locator(".live-responses-table .response-col_status").last();
  await status.filter({ hasText: "200" }).waitFor();
  assert.equal((await users.getUser({ userId: "alice" })).user?.profile?.email, "alice@example.com");
  // A telephone shows all of it: nothing is wider than the page, an answer that is open included.
  await tab.setViewportSize({ width: 390, height: 844 });
  const width = (): Promise<unknown> => tab.evaluate("document.documentElement.scrollWidth");
  await until(async () => (await width()) === 390, "a page as wide as the telephone");
  await assertFilters(tab);
  const lock = tab.locator("#operations-UserService-UserService_LockUser");
  await lock.locator(".opblock-summary-control").click();
  const refused = lock.locator("tr[data-code='400']");
  await refused.locator("select.examples-select-element").selectOption("USER_ALREADY_LOCKED");
  await refused
    .locator("pre.example")
    .filter({ hasText: /\\"alice\\" is locked already, since / })
    .waitFor();
  await until(async () => (await width()) === 390, "a page as wide with the example");
  assert.deepEqual(complaints, []);
  const foreign = asked.filter((address) => !address.startsWith("data:") && new URL(address).origin !== url);
  assert.deepEqual(foreign, []);
  assert.ok(asked.includes(`${url}/openapi.json`));
  t.diagnostic(`${asked.length} requests, all to the service itself`);
});

test("the page's policy lets nothing in that is not the service's own", async (t) => {
  if (skippedWithoutChromium(t)) return;
  const { url } = await startService(t);
  const { tab, complaints } = await visit(t, `${url}/docs`);
  const reached = await tab.evaluate(async () => {
    const fetched = await fetch("http://127.0.0.2:9/").then(
      () => true,
      () => false,
    );
    return fetched;
  });
  assert.equal(reached, false);
  await assert.rejects(tab.addScriptTag({ content: "globalThis.inlineRan = true" }));
  assert.equal(await tab.evaluate(() => "inlineRan" in globalThis), false);
  const refusals = (): number => complaints.filter((each) => each.includes("Content Security Policy")).length;
  await until(() => refusals() >= 2, "what the browser says of both");
  const policy = (await fetch(`${url}/docs`)).headers.get("content-security-policy") ?? "";
  assert.match(policy, /^default-src 'self';/);
  assert.doesNotMatch(policy, /unsafe|https?:|\*/);
});

test("the page's files are served as they are, and no other file is", async (t) => {
  const { url } = await startService(t);
  const types = {
    "": "text/html",
    "/": "text/html",
    "/start.js": "text/javascript",
    "/swagger-ui-bundle.js": "text/javascript",
    "/swagger-ui.css": "text/css",
    "/favicon-32x32.png": "image/png",
  };
  for (const [path, type] of Object.entries(types)) {
    const answer = await fetch(`${url}/docs${path}`);
    assert.equal(answer.status, 200, path);
    assert.match(answer.headers.get("content-type") ?? "", new RegExp(`^${type}`), path);
    assert.ok((await answer.arrayBuffer()).byteLength > 100, path);
  }
  for (const path of [
    "/package.json",
    "/swagger-ui.js.map",
    "/..%2fpackage.json",
    "/toString",
    "/swagger-ui.css/",
    "/x/start.js",
  ]) {
    assert.equal((await fetch(`${url}/docs${path}`)).status, 404, path);
  }
  const head = await fetch(`${url}/docs`, { method: "HEAD" });
  assert.deepEqual([head.status, await head.text()], [200, ""]);
});

test("requests for the reference are in the log and the metrics, by what became of them", async (t) => {
  const { url, log } = await startService(t);
  const ask = async (path: string, method = "GET"): Promise<number> => (await fetch(url + path, { method })).status;
  assert.deepEqual(
    [await ask("/docs"), await ask("/docs/nothing"), await ask("/openapi.json", "PUT")],
    [200, 404, 405],
  );
  const lines = log()
    .split("\n")
    .filter((line) => line.includes('"rpc":"reference"'))
    .map((line) => JSON.parse(line) as { code: string; status: number });
  assert.deepEqual(
    lines.map(({ code, status }) => [code, status]),
    [
      ["OK", 200],
      ["NOT_FOUND", 404],
      ["UNIMPLEMENTED", 405],
    ],
  );
  const metrics = await fetch(`${url}/metrics`, { headers: { authorization: `Bearer ${ADMIN_KEY}` } });
  assert.match(
    await metrics.text(),
    /^lockkeeper_call_duration_seconds_count\{[^}]*rpc="reference"[^}]*code="NOT_FOUND"[^}]*\} 1$/m,
  );
});
