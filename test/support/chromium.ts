/** Headless Chromium for tests, and what it complains of. */
import type { TestContext } from "node:test";
import { type Browser, chromium, type Page } from "playwright-core";
import { defer, type Scope } from "./cleanup.ts";
import { isExecutable } from "./run-command.ts";

const CHROMIUM = process.env.CHROMIUM ?? "/usr/bin/chromium";
const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  // Names for this machine that browsers do not trust as they trust 127.0.0.1.
  "--host-resolver-rules=MAP *.test 127.0.0.1",
];

/** Returns whether this machine has it. */
export function isChromiumThere(): boolean {
  return isExecutable(CHROMIUM);
}

/** Skips a test on a machine without Chromium. Returns whether it did. */
export function skippedWithoutChromium(t: TestContext): boolean {
  if (isChromiumThere()) return false;
  t.skip(`there is no Chromium at ${CHROMIUM}; the environment variable CHROMIUM may say where it is`);
  return true;
}

/** Starts a browser that ends with the test. */
export async function openBrowser(t: Scope): Promise<Browser> {
  const browser = await chromium.launch({ executablePath: CHROMIUM, args: FLAGS });
  defer(t, () => browser.close());
  return browser;
}

/**
 * Returns what a page complains of from now on: what its content security policy refuses, exceptions, and failed requests.
 * A navigation that breaks off a request counts as none.
 */
export function complaintsOf(tab: Page): readonly string[] {
  const complaints: string[] = [];
  tab.on("requestfailed", (request) => {
    const why = request.failure()?.errorText ?? "";
    if (why !== "net::ERR_ABORTED") complaints.push(`failed: ${request.url()} ${why}`);
  });
  tab.on("pageerror", (error) => complaints.push(String(error)));
  tab.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") complaints.push(message.text());
  });
  return complaints;
}
