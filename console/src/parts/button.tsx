/** Buttons: one look for each weight, and one way to say why a button does nothing. */
import { type ComponentProps, type MouseEvent, type ReactNode, useId } from "react";

export interface ButtonProps extends Omit<ComponentProps<"button">, "disabled"> {
  /** `primary`: the one act of a place; `danger`: what restricts somebody; `quiet`: without a border. */
  readonly kind?: "plain" | "primary" | "danger" | "quiet";
  readonly busy?: boolean;
  /**
   * Why it cannot be used, as a sentence. It stays in the order of the keyboard, so that everybody learns the reason;
   * pressing it does nothing.
   */
  readonly missing?: string | undefined;
}

/** A button. */
export function Button({ kind = "plain", busy = false, missing, onClick, children, ...more }: ButtonProps): ReactNode {
  const why = useId();
  const isIdle = busy || missing !== undefined;
  // The first click may have brought the button here, under the second one of a double click.
  const isHeard = ({ detail }: MouseEvent): boolean => !isIdle && !(more.type === "submit" && detail > 1);
  return (
    <>
      <button
        type="button"
        {...more}
        className={`button button-${kind}`}
        aria-disabled={isIdle || undefined}
        aria-busy={busy || undefined}
        aria-describedby={missing === undefined ? undefined : why}
        title={missing}
        onClick={(event) => (isHeard(event) ? onClick?.(event) : event.preventDefault())}
      >
        {children}
      </button>
      {missing !== undefined && (
        <span id={why} hidden>
          {missing}
        </span>
      )}
    </>
  );
}
