/** The dialog that shows a secret this once. It stands over all pages, so that none is lost with the page that it is of. */

import { type ReactNode, useEffect, useRef, useState, useSyncExternalStore } from "react";
import { useLocation } from "wouter";
import { Button } from "../../parts/button.tsx";
import { CopyButton } from "../../parts/copy-button.tsx";
import { Dialog } from "../../parts/dialog.tsx";
import { Field } from "../../parts/field.tsx";
import { isolate } from "../../texts/isolate.ts";
import { T } from "../../texts/texts.ts";

/** A secret, and what has it. */
export interface NewSecret {
  readonly name: string;
  readonly secret: string;
}

let unseen: readonly NewSecret[] = [];
const listeners = new Set<() => void>();

function setUnseen(next: readonly NewSecret[]): void {
  unseen = next;
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Shows a secret until somebody has kept it, also when its page is left, or when it ends the session of its caller. */
export function showSecret(made: NewSecret): void {
  setUnseen([...unseen, made]);
}

/** Shows the secrets of `showSecret`, one after the other. */
export function Secrets(): ReactNode {
  const [first, ...rest] = useSyncExternalStore(subscribe, () => unseen);
  return first && <SecretDialog key={first.secret} {...first} onClose={() => setUnseen(rest)} />;
}

/** The dialog. Escape closes it at the second time only, so that no secret is lost by accident. */
function SecretDialog({ name, secret, onClose }: NewSecret & { readonly onClose: () => void }): ReactNode {
  const [isWarned, setIsWarned] = useState(false);
  useEffect(() => {
    // The browser asks in its own words.
    const hold = (event: BeforeUnloadEvent): void => event.preventDefault();
    window.addEventListener("beforeunload", hold);
    return () => window.removeEventListener("beforeunload", hold);
  }, []);
  const [location] = useLocation();
  const input = useRef<HTMLInputElement>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: another page below takes the focus.
  useEffect(() => input.current?.focus(), [location]);
  return (
    <Dialog
      open
      onClose={() => (isWarned ? onClose() : setIsWarned(true))}
      title={T.keys.secretTitle(isolate(name))}
      onSubmit={onClose}
      actions={
        <Button type="submit" kind="primary">
          {T.keys.secretKept}
        </Button>
      }
    >
      <Field label={T.keys.secret} hint={T.keys.secretOnce} error={isWarned ? T.keys.secretLeave : undefined}>
        {(ids) => (
          <div className="secret">
            <input
              ref={input}
              className="input"
              readOnly
              value={secret}
              spellCheck={false}
              onFocus={(event) => event.target.select()}
              {...ids}
            />
            <CopyButton text={secret} what={T.keys.secret} />
          </div>
        )}
      </Field>
    </Dialog>
  );
}
