/** The built console in headless Chromium, against a real service. */
import type { TestContext } from "node:test";
import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { buildConsole, isConsoleStale } from "../../scripts/build-console.ts";
import { complaintsOf, openBrowser } from "./chromium.ts";
import { ADMIN_KEY, type Running, type RunOptions, startService } from "./service.ts";

/** A service with the console, and a browser for it. */
export interface ConsoleService extends Running {
  readonly browser: Browser;
  /** Opens a tab with a memory of its own, at a path below `/console`. Nobody is signed in there. */
  readonly open: (path?: string, options?: BrowserContextOptions) => Promise<ConsoleTab>;
  /** Opens a tab at a path below `/console`, signed in. `key`: absent: the owner's. */
  readonly signIn: (path?: string, key?: string, options?: BrowserContextOptions) => Promise<ConsoleTab>;
}

export interface ConsoleTab {
  readonly tab: Page;
  /** As of `complaintsOf`: whatever a test does, it ends with none. */
  readonly complaints: readonly string[];
}

/** Starts both. They end with the test. The console is built if its sources changed. */
export async function startConsole(t: TestContext, options: RunOptions = {}): Promise<ConsoleService> {
  if (isConsoleStale()) await buildConsole();
  const [service, browser] = await Promise.all([startService(t, options), openBrowser(t)]);
  const open: ConsoleService["open"] = async (path = "", contextOptions = {}) => {
    const context = await browser.newContext({ reducedMotion: "reduce", locale: "en-GB", ...contextOptions });
    const tab = await context.newPage();
    const complaints = complaintsOf(tab);
    await tab.goto(`${service.url}/console${path}`);
    return { tab, complaints };
  };
  return {
    ...service,
    browser,
    open,
    async signIn(path, key = ADMIN_KEY, contextOptions = {}) {
      const opened = await open(path, contextOptions);
      await enterKey(opened.tab, key);
      await opened.tab.getByRole("navigation", { name: "Console" }).waitFor({ state: "attached" });
      return opened;
    },
  };
}

/** Pastes a key and signs in. */
export async function enterKey(tab: Page, key: string): Promise<void> {
  await tab.getByLabel("API key").fill(key);
  await tab.getByRole("button", { name: "Sign in", exact: true }).click();
}
