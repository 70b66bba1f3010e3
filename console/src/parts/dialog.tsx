/** A dialog over the page: it keeps the focus, closes with Escape, and gives the focus back. */
import { Dialog as Base } from "@base-ui/react/dialog";
import { type FormEvent, type ReactNode, useRef } from "react";
import { Saving } from "../leaving/leaving.tsx";
import { T } from "../texts/texts.ts";
import { Button, type ButtonProps } from "./button.tsx";
import { Icon } from "./icon.tsx";

export interface DialogProps {
  readonly open: boolean;
  readonly onClose: () => void;
  /** A call is under way. Nothing closes the dialog, or leads away, until its answer, or that it was lost, is seen. */
  readonly busy?: boolean;
  readonly title: ReactNode;
  readonly lead?: ReactNode;
  readonly children: ReactNode;
  /** What has to be seen before a button is pressed: it stands above them, and is not scrolled away from them. */
  readonly foreseen?: ReactNode;
  /** The buttons at its foot. One of type `submit` sends the form. */
  readonly actions: ReactNode;
  readonly onSubmit?: () => void;
}

/** A dialog with a form. */
export function Dialog(props: DialogProps): ReactNode {
  const { open, onClose, busy = false, title, lead, children, foreseen, actions, onSubmit } = props;
  const form = useRef<HTMLFormElement>(null);
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    onSubmit?.();
  };
  return (
    // The second click of a double click is the first one's: it falls outside the dialog that this has opened.
    <Base.Root
      open={open}
      onOpenChange={(isOpen, { event }) => !isOpen && !busy && !("detail" in event && event.detail > 1) && onClose()}
    >
      <Base.Portal>
        <Base.Backdrop className="dialog-backdrop" />
        <Base.Popup className="dialog" initialFocus={() => form.current?.querySelector<HTMLElement>(".input") ?? true}>
          {busy && <Saving />}
          <form ref={form} className="dialog-form" onSubmit={submit} noValidate>
            <header className="dialog-head">
              <Base.Title className="dialog-title">{title}</Base.Title>
              <Base.Close className="copy" aria-label={T.close}>
                <Icon name="close" />
              </Base.Close>
            </header>
            <div className="dialog-body">
              {lead !== undefined && <Base.Description className="muted">{lead}</Base.Description>}
              {children}
            </div>
            {foreseen}
            <footer className="dialog-foot">{actions}</footer>
          </form>
        </Base.Popup>
      </Base.Portal>
    </Base.Root>
  );
}

/** The button that leaves a dialog, but not while a call is under way. */
export function CancelButton({ busy, onClose }: { readonly busy: boolean; readonly onClose: () => void }): ReactNode {
  return <Button onClick={() => busy || onClose()}>{T.cancel}</Button>;
}

/** The buttons of most dialogs: one that leaves it, and one that sends its form. */
export function SubmitActions({
  label,
  kind = "primary",
  busy,
  onClose,
}: {
  readonly label: string;
  readonly kind?: ButtonProps["kind"];
  readonly busy: boolean;
  readonly onClose: () => void;
}): ReactNode {
  return (
    <>
      <CancelButton busy={busy} onClose={onClose} />
      <Button type="submit" kind={kind ?? "primary"} busy={busy}>
        {label}
      </Button>
    </>
  );
}
