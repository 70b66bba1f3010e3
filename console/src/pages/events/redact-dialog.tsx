/** The dialog that erases personal values of one event forever. */
import { createClient } from "@connectrpc/connect";
import { type ReactNode, useRef, useState } from "react";
import type { Event } from "../../../../gen/lockkeeper/event/v1/event_pb.ts";
import { EventService } from "../../../../gen/lockkeeper/event/v1/event_service_pb.ts";
import { useSession } from "../../app/session.tsx";
import { Button } from "../../parts/button.tsx";
import { CancelButton, Dialog } from "../../parts/dialog.tsx";
import { CheckField, TextArea, TextField } from "../../parts/field.tsx";
import { FailureNotice } from "../../parts/notice.tsx";
import { say } from "../../parts/toasts.tsx";
import { T } from "../../texts/texts.ts";
import { newRequestId } from "../../wire/request-id.ts";
import { EventSentence, shortName } from "./event-sentence.tsx";
import { erasableOf } from "./event-values.ts";

const TEXTS = T.events.redact;

/** The dialog. `onDone`: reads the events again. */
export function RedactDialog({
  event,
  onClose,
  onDone,
}: {
  readonly event: Event;
  readonly onClose: () => void;
  readonly onDone: () => unknown;
}): ReactNode {
  const { transport } = useSession();
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set(erasableOf(event)));
  const [reasonCode, setReasonCode] = useState("");
  const [note, setNote] = useState("");
  const [isBusy, setIsBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const sent = useRef({ of: "", id: "" });
  const submit = async (): Promise<void> => {
    if (chosen.size === 0 || isBusy) return;
    const request = { userId: event.userId, sequence: event.sequence, fields: [...chosen], reasonCode, note };
    // The same request has the same id, so that a repetition after a lost answer does nothing twice.
    const of = `${[...chosen]} ${reasonCode} ${note}`;
    if (sent.current.of !== of) sent.current = { of, id: newRequestId() };
    setIsBusy(true);
    try {
      await createClient(EventService, transport).redactEvent({ ...request, requestId: sent.current.id });
      // First, so that what is erased is not shown any more.
      await onDone();
      say({ text: TEXTS.done });
      onClose();
    } catch (refused) {
      setError(refused);
      setIsBusy(false);
    }
  };
  const choose = (name: string, isChosen: boolean): void => {
    const next = new Set(chosen);
    if (isChosen) next.add(name);
    else next.delete(name);
    setChosen(next);
  };
  return (
    <Dialog
      open
      onClose={onClose}
      busy={isBusy}
      title={TEXTS.title(event.sequence.toString())}
      lead={TEXTS.lead}
      onSubmit={() => void submit()}
      actions={
        <>
          <CancelButton busy={isBusy} onClose={onClose} />
          <Button type="submit" kind="danger" busy={isBusy} missing={chosen.size === 0 ? TEXTS.none : undefined}>
            {TEXTS.confirm}
          </Button>
        </>
      }
    >
      <p>
        <EventSentence event={event} isOwn={false} />
      </p>
      <fieldset className="choices">
        <legend className="field-label">{TEXTS.values}</legend>
        {erasableOf(event).map((name) => (
          <CheckField
            key={name}
            label={shortName(name)}
            checked={chosen.has(name)}
            onChange={({ target }) => choose(name, target.checked)}
          />
        ))}
      </fieldset>
      <TextField
        label={T.acts.reasonCode}
        value={reasonCode}
        maxLength={63}
        onChange={({ target }) => setReasonCode(target.value.toUpperCase().replaceAll(" ", "_"))}
      />
      <TextArea
        label={T.acts.note}
        hint={TEXTS.noteHint}
        maxLength={1000}
        value={note}
        onChange={({ target }) => setNote(target.value)}
      />
      {error !== undefined && <FailureNotice error={error} lost={T.failures.lost} />}
    </Dialog>
  );
}
