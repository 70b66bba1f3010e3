/** The built console in headless Chromium, against a real service. */
import assert from "node:assert/strict";
import type { Browser, BrowserContextOptions, Locator, Page, Route } from "playwright-core";
import { buildConsole, isConsoleStale } from "../../scripts/build-console.ts";
import { complaintsOf, isChromiumThere, openBrowser } from "./chromium.ts";
import type { Scope } from "./cleanup.ts";
import { ADMIN_KEY, type Running, type RunOptions, startReplicas, startService } from "./service.ts";

/** A service with the console, and a browser for it. */
export interface ConsoleService extends Running {
  readonly browser: Browser;
  /** Opens a tab with a memory of its own, at a path below `/console`. Nobody is signed in there. */
  readonly open: (path?: string, options?: TabOptions) => Promise<ConsoleTab>;
  /** Opens a tab at a path below `/console`, signed in. `key`: absent: the owner's. */
  readonly signIn: (path?: string, key?: string, options?: TabOptions) => Promise<ConsoleTab>;
}

export interface TabOptions extends BrowserContextOptions {
  /** The name that the address bar has for this machine. Absent: as in the URL of the service. */
  readonly host?: string;
  /** Of another service. */
  readonly url?: string;
}

export interface ConsoleTab {
  readonly tab: Page;
  /** As of `complaintsOf`: whatever a test does, it ends with none. */
  readonly complaints: readonly string[];
}

export interface ConsoleOptions extends RunOptions {
  /** On an empty PostgreSQL database. */
  readonly onPostgres?: boolean;
}

/**
 * Starts both. They end with the test, or with `{ after }` when all tests of a file are over. The console is built if its
 * sources changed. Without Chromium `browser` throws.
 */
export async function startConsole(t: Scope, { onPostgres, ...options }: ConsoleOptions = {}): Promise<ConsoleService> {
  if (isConsoleStale()) await buildConsole();
  const starting = onPostgres ? startReplicas(t, 1, options) : startService(t, options);
  const [service, started] = await Promise.all([starting, isChromiumThere() ? openBrowser(t) : undefined]);
  const browser = (): Browser => started ?? assert.fail("there is no Chromium");
  const open: ConsoleService["open"] = async (path = "", { host, url = service.url, ...contextOptions } = {}) => {
    const context = await browser().newContext({ reducedMotion: "reduce", locale: "en-GB", ...contextOptions });
    // As in pages that came without encryption.
    await context.addInitScript("delete Crypto.prototype.randomUUID");
    const tab = await context.newPage();
    const complaints = complaintsOf(tab);
    const { hostname } = new URL(url);
    await tab.goto(`${url.replace(hostname, host ?? hostname)}/console${path}`);
    return { tab, complaints };
  };
  return {
    ...service,
    get browser() {
      return browser();
    },
    open,
    async signIn(path, key = ADMIN_KEY, contextOptions = {}) {
      const opened = await open(path, contextOptions);
      await enterKey(opened.tab, key);
      await opened.tab.locator("#content").waitFor();
      return opened;
    },
  };
}

/** Pastes a key and signs in. */
export async function enterKey(tab: Page, key: string): Promise<void> {
  await tab.getByLabel("API key").fill(key);
  await tab.getByRole("button", { name: "Sign in", exact: true }).click();
}

/**
 * Presses a button of a dialog that then goes away, and waits until it is gone: a dialog goes when the service has answered.
 * Until then the rest of the page is hidden from roles, so that whatever is looked for by its role seems to be gone as well.
 * The message that follows has the role of a dialog, too, and does not count.
 */
export async function finish(dialog: Locator, button: string): Promise<void> {
  await dialog.getByRole("button", { name: button, exact: true }).click();
  await dialog.and(dialog.page().locator(".dialog")).waitFor({ state: "detached" });
}

/** Waits until keys that are pressed go to a dialog: it is seen first, and takes the focus then. */
export async function untilFocused(dialog: Locator): Promise<void> {
  await dialog.and(dialog.page().locator(":focus-within")).waitFor();
}

/** Shows a tab, or hides it: Chromium without a head shows every tab. */
export async function show(tab: Page, state: "visible" | "hidden"): Promise<void> {
  await tab.evaluate(`
    Object.defineProperty(document, "visibilityState", { configurable: true, get: () => "${state}" });
    document.dispatchEvent(new Event("visibilitychange"));
  `);
}

/** Sets the clock of a tab forward. */
export async function passMinutes(tab: Page, minutes: number): Promise<void> {
  await tab.evaluate(`Date.now = ((now) => () => now() + ${minutes * 60_000})(Date.now)`);
}

/** Lets the frames and timers of a tab come late, as on a busy machine. */
export async function slowDown(tab: Page): Promise<void> {
  await tab.evaluate(`
    const [frame, timeout] = [requestAnimationFrame, setTimeout];
    globalThis.requestAnimationFrame = (callback) => timeout(() => frame(callback), 1_000);
    globalThis.setTimeout = (callback, milliseconds = 0) => timeout(callback, milliseconds && milliseconds + 1_000);
  `);
}

/** Does something while the service is asked the next time, before it is: resolves to its result. */
export function whileAsked<R>(tab: Page, rpc: string, act: () => Promise<R>): Promise<R> {
  return new Promise((resolve, reject) => {
    const answer = async (route: Route): Promise<void> => {
      await act().then(resolve, reject);
      await route.continue();
    };
    tab.route(`**/${rpc}`, answer, { times: 1 }).catch(reject);
  });
}

export interface HeldAnswer {
  /** Resolves when the service has answered. */
  readonly read: Promise<void>;
  /** The page gets the answer. */
  readonly letGo: () => void;
}

/** Lets the service answer the next call of an RPC, and keeps the answer from the page for a while. */
export function holdAnswer(tab: Page, rpc: string): HeldAnswer {
  const [read, wait] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  let isHeld = false;
  // The route stays: the browser would lose what it holds with it.
  const answer = async (route: Route): Promise<void> => {
    if (isHeld) return route.fallback();
    isHeld = true;
    const response = await route.fetch();
    read.resolve();
    await wait.promise;
    await route.fulfill({ response });
  };
  tab.route(`**/${rpc}`, answer).catch(read.reject);
  return { read: read.promise, letGo: wait.resolve };
}
