/** What holds on every page: the window has a title, the keyboard a place, and each press meets what is shown. */
import { options } from "preact";
import { isolate } from "../texts/isolate.ts";
import { T } from "../texts/texts.ts";

/** What closes gives the focus back first, and new content takes it. */
const SETTLE_MS = 50;

/** In milliseconds: a page that nobody sees has no frames. */
const FRAME_MS_MAX = 35;

/** What somebody does, as events. */
const INPUTS = [
  "beforeunload",
  "click",
  "input",
  "keydown",
  "keyup",
  "mousedown",
  "mouseup",
  "pointerdown",
  "pointerup",
  "popstate",
];

/** Keeps the title like the heading of what `root` shows, from now on: among many windows each is found by its name. */
export function keepTitle(root: HTMLElement): void {
  const update = (): void => {
    const heading = root.querySelector("h1")?.textContent;
    const title = heading ? `${isolate(heading)} · ${T.product}` : T.product;
    if (document.title !== title) document.title = title;
  };
  new MutationObserver(update).observe(root, { childList: true, characterData: true, subtree: true });
}

/** Keeps the focus on the page: in the dialog that is open, else at the heading. */
export function keepFocus(): void {
  let last: Element | undefined;
  let wasInDialog = false;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const isLost = (): boolean => last?.isConnected === false && document.activeElement === document.body;
  const place = (): void => {
    if (!isLost()) return;
    const dialog = document.querySelector<HTMLElement>(".dialog");
    const target = dialog ?? document.querySelector<HTMLElement>("#content h1");
    // A dialog that has just opened puts the focus into its first field, but not if it has the focus by then.
    if (target === null || (dialog !== null && !wasInDialog)) return;
    target.tabIndex = -1;
    target.focus({ preventScroll: true });
  };
  document.addEventListener("focusin", ({ target }) => {
    if (!(target instanceof Element)) return;
    last = target;
    wasInDialog = target.closest(".dialog") !== null;
  });
  new MutationObserver(() => {
    if (!isLost()) return;
    clearTimeout(timer);
    // What opens takes the focus in its first frame, which on a slow machine comes later than this.
    timer = setTimeout(() => requestAnimationFrame(place), SETTLE_MS);
  }).observe(document.body, { childList: true, subtree: true });
}

/**
 * Lets effects run after the next frame, as Preact has them, but before whatever somebody does, as React has them. Otherwise a
 * dialog that is gone takes the press that opens the next one as its own, and closes it; and a key that is pressed as soon as
 * a page is shown is lost. Call it before anything else listens.
 */
export function runEffectsBeforeInput(): void {
  // With nothing to run it does nothing.
  let run = (): void => undefined;
  options.requestAnimationFrame = (effects) => {
    run = effects;
    const later = (): void => {
      clearTimeout(timer);
      cancelAnimationFrame(frame);
      setTimeout(effects);
    };
    const timer = setTimeout(later, FRAME_MS_MAX);
    const frame = requestAnimationFrame(later);
  };
  for (const input of INPUTS) window.addEventListener(input, () => run(), { capture: true });
}
