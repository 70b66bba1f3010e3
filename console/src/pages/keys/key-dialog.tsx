/** What the dialogs about one key share: who is meant, a note, and what was refused. */
import type { ReactNode } from "react";
import type { ApiKey } from "../../../../gen/lockkeeper/apikey/v1/api_key_service_pb.ts";
import { useSession } from "../../app/session.tsx";
import { Dialog, SubmitActions } from "../../parts/dialog.tsx";
import { TextArea } from "../../parts/field.tsx";
import { FailureNotice } from "../../parts/notice.tsx";
import { T } from "../../texts/texts.ts";

/** What a dialog about one key is given. */
export interface KeyActProps {
  readonly apiKey: ApiKey;
  readonly onClose: () => void;
}

export interface KeyDialogProps extends KeyActProps {
  readonly title: string;
  readonly lead: string;
  /** What happens to the caller whose own key it is. */
  readonly ownWarning: string;
  readonly label: string;
  readonly kind: "primary" | "danger";
  readonly isBusy: boolean;
  /** Undefined without one. */
  readonly error: unknown;
  /** What to say if no answer came. */
  readonly lost?: string | undefined;
  readonly note: string;
  readonly onNote: (note: string) => void;
  readonly onSubmit: () => Promise<void>;
  readonly children: ReactNode;
}

/** The dialog. It is open as long as it is shown. */
export function KeyDialog(props: KeyDialogProps): ReactNode {
  const { apiKey, title, lead, ownWarning, label, kind, isBusy, error, lost, note, onNote, onSubmit, onClose } = props;
  const { who } = useSession();
  return (
    <Dialog
      open
      onClose={onClose}
      busy={isBusy}
      title={title}
      lead={lead}
      onSubmit={() => void onSubmit()}
      actions={<SubmitActions label={label} kind={kind} busy={isBusy} onClose={onClose} />}
    >
      {apiKey.apiKeyId === who.apiKeyId && <p className="warning">{ownWarning}</p>}
      {props.children}
      <TextArea
        label={T.keys.note}
        hint={T.keys.noteHint}
        maxLength={1000}
        value={note}
        onChange={(event) => onNote(event.target.value)}
      />
      {error !== undefined && <FailureNotice error={error} lost={lost} />}
    </Dialog>
  );
}
