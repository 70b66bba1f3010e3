/** The dialog that ends one session. */
import { createClient } from "@connectrpc/connect";
import { useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useRef, useState } from "react";
import { type Session, SessionService } from "../../../../../gen/lockkeeper/session/v1/session_service_pb.ts";
import { useSession } from "../../../app/session.tsx";
import { useCall } from "../../../app/use-call.ts";
import { isOfServices, readAgain } from "../../../live/read-again.ts";
import { Facts } from "../../../parts/card.tsx";
import { Dialog, SubmitActions } from "../../../parts/dialog.tsx";
import { FailureNotice } from "../../../parts/notice.tsx";
import { Time } from "../../../parts/time.tsx";
import { say } from "../../../parts/toasts.tsx";
import { T } from "../../../texts/texts.ts";
import { newRequestId } from "../../../wire/request-id.ts";

const TEXTS = T.tabs.sessions;

/** The dialog. It is open as long as it is shown. */
export function EndSessionDialog({
  session,
  onClose,
}: {
  readonly session: Session;
  readonly onClose: () => void;
}): ReactNode {
  const { transport } = useSession();
  const queries = useQueryClient();
  const { run, error, isBusy } = useCall(SessionService.typeName);
  const [isEnded, setIsEnded] = useState(false);
  const requestId = useRef(newRequestId());
  const { sessionId, userAgent, ip, details, lastActivityTime } = session;
  const submit = async (): Promise<void> => {
    const client = createClient(SessionService, transport);
    const answer = await run(
      () => client.revokeSession({ sessionId, requestId: requestId.current }),
      (done) => done.session,
    );
    if (answer === undefined) return;
    setIsEnded(true);
    // First, so that nobody is offered to end it again. A long list shows it by now, and is not read again.
    await readAgain(queries, ({ queryKey }) => isOfServices(queryKey, [SessionService.typeName]));
    say({ text: TEXTS.ended });
    onClose();
  };
  return (
    <Dialog
      open
      onClose={onClose}
      busy={isBusy || isEnded}
      title={TEXTS.confirmTitle}
      lead={TEXTS.confirmLead}
      onSubmit={() => void submit()}
      actions={<SubmitActions label={TEXTS.end} kind="danger" busy={isBusy || isEnded} onClose={onClose} />}
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
