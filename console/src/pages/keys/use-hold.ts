/** A dialog that waits for a secret and stays open until it is shown. */
import { useRef } from "react";

export interface Hold {
  /** Keeps the dialog open for an answer, and for good if it has one. Resolves to it. */
  readonly hold: <A>(answer: Promise<A | undefined>) => Promise<A | undefined>;
  /** Closes the dialog, unless it is held. */
  readonly close: () => void;
}

/**
 * Returns how to hold a dialog open. Closed while the service is asked, nobody would ever see the secret; and until the
 * dialog with the secret has taken its place, the one before still takes keys.
 */
export function useHold(onClose: () => void): Hold {
  const held = useRef(0);
  return {
    hold: async (answer) => {
      held.current++;
      const got = await answer;
      if (got === undefined) held.current--;
      return got;
    },
    close: () => {
      if (held.current === 0) onClose();
    },
  };
}
