/** Asks before somebody leaves a page with something unsaved. */
import { type ReactNode, useLayoutEffect, useState } from "react";
import { keepPage } from "../../leaving/leaving.tsx";
import { Button } from "../../parts/button.tsx";
import { Dialog } from "../../parts/dialog.tsx";
import { T } from "../../texts/texts.ts";

/** Stands in a page with something unsaved, as long as it is. */
export function Unsaved(): ReactNode {
  const [going, setGoing] = useState<(() => void) | undefined>(undefined);
  useLayoutEffect(() => keepPage((go) => setGoing(() => go)), []);
  if (going === undefined) return null;
  const stay = (): void => setGoing(undefined);
  return (
    <Dialog
      open
      onClose={stay}
      title={T.leaving.title}
      lead={T.leaving.lead}
      onSubmit={stay}
      actions={
        <>
          <Button onClick={going}>{T.leaving.leave}</Button>
          <Button type="submit" kind="primary">
            {T.leaving.stay}
          </Button>
        </>
      }
    >
      {null}
    </Dialog>
  );
}
