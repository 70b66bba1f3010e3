/** The dialog of an act: why, until when, and what will happen, before it happens. */

import { Code } from "@connectrpc/connect";
import { type ReactNode, useRef, useState } from "react";
import { useLocation } from "wouter";
import type { User } from "../../../../gen/lockkeeper/user/v1/user_pb.ts";
import { userPath } from "../../app/routes.ts";
import { Button } from "../../parts/button.tsx";
import { CancelButton, Dialog } from "../../parts/dialog.tsx";
import { FailureNotice } from "../../parts/notice.tsx";
import { say } from "../../parts/toasts.tsx";
import { isolate } from "../../texts/isolate.ts";
import { T } from "../../texts/texts.ts";
import { toFailure } from "../../wire/failure.ts";
import { draftFor, faultsOf } from "./act-draft.ts";
import { ActForm } from "./act-form.tsx";
import { ActPreview } from "./act-preview.tsx";
import { ACTS, type ActName } from "./acts.ts";
import { nameOf, StateSentence } from "./state.tsx";
import { useAct } from "./use-act.ts";

export interface ActDialogProps {
  readonly act: ActName;
  readonly user: User;
  readonly onClose: () => void;
  /** Reads the user again. */
  readonly onChange: () => Promise<User | undefined>;
}

/** The dialog. It is open as long as it is shown, and is about the user as it was when the caller last looked. */
export function ActDialog({ act, user: latest, onClose, onChange }: ActDialogProps): ReactNode {
  const [user, setUser] = useState(latest);
  const [isActing, setIsActing] = useState(false);
  const [isDone, setIsDone] = useState(false);
  const [draft, setDraft] = useState(() => draftFor(act));
  const [isTried, setIsTried] = useState(false);
  const foreseen = useRef<HTMLDivElement>(null);
  const [, navigate] = useLocation();
  const faults = faultsOf(draft);
  const isWhole = Object.values(faults).every((fault) => fault === undefined);
  const { preview, perform } = useAct(act, user, isWhole ? draft : undefined);
  const name = isolate(nameOf(user));
  // Until the user is read again nothing else begins, which would be closed with this.
  const isBusy = perform.isPending || isDone;
  const error = perform.error ?? preview.error;
  const isRefused = error !== null && toFailure(error).reason === "SEQUENCE_MISMATCH";
  const isLost = perform.error !== null && toFailure(perform.error).isUnanswered;
  // The caller's own act arrives as a change, too, also if its answer was lost.
  const isStale = !isActing && !isLost && (isRefused || latest.details?.sequence !== user.details?.sequence);
  const lookAgain = async (): Promise<void> => {
    setUser((await onChange()) ?? latest);
    perform.reset();
  };
  const submit = async (): Promise<void> => {
    setIsTried(true);
    if (!isWhole || isBusy || isStale || bringIntoSight(foreseen.current)) return;
    setIsActing(true);
    const isPerformed = await perform.run();
    setIsDone(isPerformed);
    // Also after a refusal: somebody else may have acted.
    await onChange();
    if (!isPerformed) {
      setIsActing(false);
      return;
    }
    onClose();
    const { back } = ACTS[act];
    say({
      text: T.acts.done[act](name),
      action: back && { label: T.acts[back], run: () => navigate(userPath(user.userId, undefined, back)) },
    });
  };
  return (
    <Dialog
      open
      onClose={onClose}
      busy={isBusy}
      title={T.acts.titles[act](name)}
      lead={T.acts.leads[act]}
      onSubmit={() => void submit()}
      foreseen={
        <div ref={foreseen} className="dialog-foreseen">
          {isStale && (
            <div className="failure" role="alert">
              <p>{T.acts.changedMeanwhile}</p>
              <p>
                <StateSentence user={latest} />
              </p>
            </div>
          )}
          {error !== null && !isRefused && toFailure(error).code !== Code.Canceled && (
            <FailureNotice error={error} lost={isLost ? T.failures.lost : undefined} />
          )}
          <ActPreview act={act} user={user} draft={draft} after={preview.user} isPending={preview.isPending} />
        </div>
      }
      actions={
        <>
          <CancelButton busy={isBusy} onClose={onClose} />
          {isStale ? (
            // With keys, else one element becomes the other while it is pressed, and sends the form.
            <Button key="again" kind="primary" onClick={() => void lookAgain()}>
              {T.acts.lookAgain}
            </Button>
          ) : (
            <Button key="act" type="submit" kind={ACTS[act].restricts ? "danger" : "primary"} busy={isBusy}>
              {isLost ? T.retry : T.acts[act]}
            </Button>
          )}
        </>
      }
    >
      <fieldset className="act-form" disabled={isLost}>
        <ActForm act={act} draft={draft} faults={isTried ? faults : {}} onChange={setDraft} />
      </fieldset>
    </Dialog>
  );
}

/**
 * Brings what stands above the buttons into sight, where a low window has it out of sight and Enter was pressed in a field.
 * Returns whether it was out of sight: the next press is at the button.
 */
function bringIntoSight(part: HTMLElement | null): boolean {
  const dialog = part?.closest(".dialog");
  if (part === null || !dialog) return false;
  const isSeen = part.getBoundingClientRect().bottom <= dialog.getBoundingClientRect().bottom;
  if (isSeen) return false;
  const button = dialog.querySelector<HTMLElement>(".dialog-foot [type=submit]");
  button?.focus();
  button?.scrollIntoView({ block: "end" });
  return true;
}
