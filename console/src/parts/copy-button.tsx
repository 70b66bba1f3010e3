/** A button that copies a text and says so. */
import { type ReactNode, useState } from "react";
import { T } from "../texts/texts.ts";
import { Icon } from "./icon.tsx";

const SAID_MS = 1_500;

/** `what`: the name of the copied thing, for those who hear the page. */
export function CopyButton({ text, what }: { readonly text: string; readonly what: string }): ReactNode {
  const [isCopied, setIsCopied] = useState(false);
  // Browsers give pages without encryption no clipboard; the text can be selected still.
  if (navigator.clipboard === undefined) return null;
  const copy = async (): Promise<void> => {
    await navigator.clipboard.writeText(text);
    setIsCopied(true);
    setTimeout(() => setIsCopied(false), SAID_MS);
  };
  return (
    <button
      type="button"
      className="copy"
      aria-label={`${T.copy}: ${what}`}
      onClick={() => void copy().catch(() => setIsCopied(false))}
    >
      <Icon name={isCopied ? "check" : "copy"} />
      <span role="status" className="unseen">
        {isCopied ? T.copied : ""}
      </span>
    </button>
  );
}
