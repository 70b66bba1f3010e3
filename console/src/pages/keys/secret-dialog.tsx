/** The dialog that shows a secret this once. */

import { type ReactNode, useState } from "react";
import { Button } from "../../parts/button.tsx";
import { CopyButton } from "../../parts/copy-button.tsx";
import { Dialog } from "../../parts/dialog.tsx";
import { Field } from "../../parts/field.tsx";
import { isolate } from "../../texts/isolate.ts";
import { T } from "../../texts/texts.ts";

/** The dialog. Escape closes it at the second time only, so that no secret is lost by accident. */
export function SecretDialog({
  name,
  secret,
  onClose,
}: {
  readonly name: string;
  readonly secret: string;
  readonly onClose: () => void;
}): ReactNode {
  const [isWarned, setIsWarned] = useState(false);
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
