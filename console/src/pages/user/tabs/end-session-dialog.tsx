/** The dialog that ends one session. */
import { createClient } from "@connectrpc/connect";
import { type ReactNode, useRef, useState } from "react";
import { type Session, SessionService } from "../../../../../gen/lockkeeper/session/v1/session_service_pb.ts";
import { useSession } from "../../../app/session.tsx";
import { Button } from "../../../parts/button.tsx";
import { Facts } from "../../../parts/card.tsx";
import { Dialog } from "../../../parts/dialog.tsx";
import { FailureNotice } from "../../../parts/notice.tsx";
import { Time } from "../../../parts/time.tsx";
import { say } from "../../../parts/toasts.tsx";
import { T } from "../../../texts/texts.ts";
import { newRequestId } from "../../../wire/request-id.ts";

const TEXTS = T.tabs.sessions;

/** The dialog. `onDone`: reads the sessions again. */
export function EndSessionDialog({
  session,
  onClose,
  onDone,
}: {
  readonly session: Session;
  readonly onClose: () => void;
  readonly onDone: () => unknown;
}): ReactNode {
  const { transport } = useSession();
  const [isBusy, setIsBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const requestId = useRef(newRequestId());
  const { sessionId, userAgent, ip, details, lastActivityTime } = session;
  const submit = async (): Promise<void> => {
    if (isBusy) return;
    setIsBusy(true);
    try {
      await createClient(SessionService, transport).revokeSession({ sessionId, requestId: requestId.current });
    } catch (refused) {
      setError(refused);
      setIsBusy(false);
      // It may have ended meanwhile.
      onDone();
      return;
    }
    // First, so that nobody is offered to end it again.
    await onDone();
    say({ text: TEXTS.ended });
    onClose();
  };
  return (
    <Dialog
      open
      onClose={onClose}
      title={TEXTS.confirmTitle}
      lead={TEXTS.confirmLead}
      onSubmit={() => void submit()}
      actions={
        <>
          <Button onClick={onClose}>{T.cancel}</Button>
          <Button type="submit" kind="danger" busy={isBusy}>
            {TEXTS.end}
          </Button>
        </>
      }
    >
      <Facts
        of={[
          [TEXTS.columns.client, userAgent && <bdi key="client">{userAgent}</bdi>],
          [T.tabs.attempts.columns.from, ip && <bdi key="ip">{ip}</bdi>],
          [TEXTS.columns.created, <Time key="created" at={details?.creationDate} />],
          [TEXTS.columns.used, <Time key="used" at={lastActivityTime} />],
        ]}
      />
      {error !== undefined && <FailureNotice error={error} lost={T.failures.lost} />}
    </Dialog>
  );
}
