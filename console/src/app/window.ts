/** What holds on every page: the window has a title, and the keyboard a place. */
import { isolate } from "../texts/isolate.ts";
import { T } from "../texts/texts.ts";

/** What closes gives the focus back first, and new content takes it. */
const SETTLE_MS = 50;

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
  let timer: ReturnType<typeof setTimeout> | undefined;
  const isLost = (): boolean => last?.isConnected === false && document.activeElement === document.body;
  const place = (): void => {
    if (!isLost()) return;
    const target = document.querySelector<HTMLElement>(".dialog") ?? document.querySelector<HTMLElement>("#content h1");
    if (target === null) return;
    target.tabIndex = -1;
    target.focus({ preventScroll: true });
  };
  document.addEventListener("focusin", ({ target }) => {
    if (target instanceof Element) last = target;
  });
  new MutationObserver(() => {
    if (!isLost()) return;
    clearTimeout(timer);
    // What opens takes the focus in its first frame, which on a slow machine comes later than this.
    timer = setTimeout(() => requestAnimationFrame(place), SETTLE_MS);
  }).observe(document.body, { childList: true, subtree: true });
}
