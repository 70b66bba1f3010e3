/** A JSON document to read and to copy. */
import type { ReactNode } from "react";
import { reveal } from "../texts/isolate.ts";
import { CopyButton } from "./copy-button.tsx";

/** `what`: its name, for those who hear the page. */
export function JsonText({ what, text }: { readonly what: string; readonly text: string }): ReactNode {
  return (
    <div className="json">
      <CopyButton text={text} what={what} />
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard. */}
      <section className="json-text" tabIndex={0} aria-label={what}>
        <pre>{reveal(text)}</pre>
      </section>
    </div>
  );
}
