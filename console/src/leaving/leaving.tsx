/** Keeps somebody on a page who would lose something: from a link, a key, the back button, and from closing the tab. */
import { type ReactNode, useLayoutEffect } from "react";

interface Kept {
  readonly href: string;
  /** Is given what leaves the page, in place of that it happens. */
  readonly ask: (go: () => void) => void;
}

/** Who keeps the page, the last first to be asked; empty: nothing would be lost. */
const keepers: Kept[] = [];

/**
 * Leaves the page by calling `go`: at once, or once somebody has agreed to lose what is not saved. `to`: the address that it
 * leads to; absent: none.
 */
export function leave(go: () => void, to?: string): void {
  const kept = keepers.at(-1);
  if (kept === undefined || (to !== undefined && isSamePage(to))) go();
  else kept.ask(go);
}

/** A fragment leads to a place of the same page. */
function isSamePage(to: string): boolean {
  const { pathname, search } = new URL(to, window.location.href);
  return pathname + search === window.location.pathname + window.location.search;
}

/** Asks at the back button too, from now on. Call it before the router listens. */
export function heedBackButton(): void {
  const heed = (event: PopStateEvent): void => {
    const kept = keepers.at(-1);
    if (kept === undefined || isSamePage(kept.href)) return;
    // The browser is at another address by then. That of the page is put back before the router looks, as a new entry: a step
    // back from it leads to where somebody wanted to go.
    event.stopImmediatePropagation();
    history.pushState(null, "", kept.href);
    kept.ask(() => history.back());
  };
  window.addEventListener("popstate", heed);
}

/** Stands in a page while a call is under way: nothing leads away before the answer, which may be a refusal that nobody would see. */
export function Saving(): ReactNode {
  useLayoutEffect(() => keepPage(() => undefined), []);
  return null;
}

/**
 * Keeps the page until the returned function is called, or somebody agrees to leave. Call it in a layout effect: others may run
 * when the back button is pressed, and find the address that it leads to. `onLeave`: is given what leaves.
 */
export function keepPage(onLeave: (go: () => void) => void): () => void {
  // The browser asks in its own words.
  const hold = (event: BeforeUnloadEvent): void => event.preventDefault();
  const own: Kept = {
    href: window.location.href,
    ask: (go) =>
      onLeave(() => {
        end();
        go();
      }),
  };
  const end = (): void => {
    const place = keepers.indexOf(own);
    if (place >= 0) keepers.splice(place, 1);
    window.removeEventListener("beforeunload", hold);
  };
  keepers.push(own);
  window.addEventListener("beforeunload", hold);
  return end;
}
