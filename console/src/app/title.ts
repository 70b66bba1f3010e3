/** The title of the window: what the page calls itself. */
import { T } from "../texts/texts.ts";

/** Keeps the title like the heading of what `root` shows, from now on: among many windows each is found by its name. */
export function keepTitle(root: HTMLElement): void {
  const update = (): void => {
    const heading = root.querySelector("h1")?.textContent;
    const title = heading ? `${heading} · ${T.product}` : T.product;
    if (document.title !== title) document.title = title;
  };
  new MutationObserver(update).observe(root, { childList: true, characterData: true, subtree: true });
}
