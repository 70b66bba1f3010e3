/** Messages about what was done. One that offers a way back stays until somebody closes it. */
import { Toast } from "@base-ui/react/toast";
import type { ReactNode } from "react";
import { T } from "../texts/texts.ts";
import { Icon } from "./icon.tsx";

const SHOWN_MS = 8_000;

const MANAGER = Toast.createToastManager();

export interface Message {
  /** A sentence. */
  readonly text: string;
  /** The way back, or on. */
  readonly action?: { readonly label: string; readonly run: () => void } | undefined;
}

/** Shows a message. */
export function say({ text, action }: Message): void {
  const id = MANAGER.add({
    title: text,
    timeout: action === undefined ? SHOWN_MS : 0,
    ...(action && {
      actionProps: {
        children: action.label,
        onClick: () => {
          MANAGER.close(id);
          action.run();
        },
      },
    }),
  });
}

/** Shows the messages of `say` over `children`. */
export function Toasts({ children }: { readonly children: ReactNode }): ReactNode {
  return (
    <Toast.Provider toastManager={MANAGER}>
      {children}
      <Toast.Portal>
        <Toast.Viewport className="toasts" aria-label={T.toasts.label}>
          <ToastList />
        </Toast.Viewport>
      </Toast.Portal>
    </Toast.Provider>
  );
}

function ToastList(): ReactNode {
  const { toasts } = Toast.useToastManager();
  return toasts.map((toast) => (
    <Toast.Root key={toast.id} toast={toast} className="toast" swipeDirection={[]}>
      <Toast.Title className="toast-text" />
      {toast.actionProps !== undefined && <Toast.Action className="button button-quiet" />}
      <Toast.Close className="copy" aria-label={T.close}>
        <Icon name="close" />
      </Toast.Close>
    </Toast.Root>
  ));
}
