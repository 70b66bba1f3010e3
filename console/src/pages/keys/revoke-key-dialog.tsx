/** The dialog that revokes a key, and says what breaks. */

import { createClient } from "@connectrpc/connect";
import { useQuery } from "@connectrpc/connect-query";
import { type ReactNode, useRef, useState } from "react";
import { type ApiKey, ApiKeyService } from "../../../../gen/lockkeeper/apikey/v1/api_key_service_pb.ts";
import { useSession } from "../../app/session.tsx";
import { useCall } from "../../app/use-call.ts";
import { Facts } from "../../parts/card.tsx";
import { Loading } from "../../parts/notice.tsx";
import { Time } from "../../parts/time.tsx";
import { say } from "../../parts/toasts.tsx";
import { isolate } from "../../texts/isolate.ts";
import { T } from "../../texts/texts.ts";
import { newRequestId } from "../../wire/request-id.ts";
import { Actor } from "../user/state.tsx";
import { type KeyActProps, KeyDialog } from "./key-dialog.tsx";
import { keyName, scopeOf } from "./key-words.ts";

/** The dialog. It is open as long as it is shown. */
export function RevokeKeyDialog({ apiKey, onClose }: KeyActProps): ReactNode {
  const { transport } = useSession();
  const [note, setNote] = useState("");
  const { run, error, isBusy } = useCall(ApiKeyService.typeName);
  const { apiKeyId } = apiKey;
  // The service says beforehand if it would refuse, such as for the last key of an owner; and when the key was used since.
  const foreseen = useQuery(
    ApiKeyService.method.revokeApiKey,
    { apiKeyId, validateOnly: true },
    { gcTime: 0, staleTime: 0 },
  );
  const request = useRef({ note: "", id: newRequestId() });
  const submit = async (): Promise<void> => {
    if (request.current.note !== note) request.current = { note, id: newRequestId() };
    const requestId = request.current.id;
    const client = createClient(ApiKeyService, transport);
    const answer = await run(
      () => client.revokeApiKey({ apiKeyId, note, requestId }),
      (done) => done.apiKey,
    );
    if (answer === undefined) return;
    onClose();
    say({ text: T.keys.revoked(isolate(keyName(apiKey))) });
  };
  return (
    <KeyDialog
      apiKey={apiKey}
      title={T.keys.revokeOf(isolate(keyName(apiKey)))}
      lead={T.keys.revokeLead}
      ownWarning={T.keys.ownRevoke}
      label={T.keys.revoke}
      kind="danger"
      isBusy={isBusy}
      error={error ?? foreseen.error ?? undefined}
      lost={error === undefined ? undefined : T.failures.lost}
      note={note}
      onNote={setNote}
      onSubmit={submit}
      onClose={onClose}
    >
      {foreseen.isPending ? <Loading /> : <KeyFacts apiKey={foreseen.data?.apiKey ?? apiKey} />}
    </KeyDialog>
  );
}

function KeyFacts({ apiKey }: { readonly apiKey: ApiKey }): ReactNode {
  const { apiKeyId, role, permissions, lastUsedDay, createdBy, details } = apiKey;
  return (
    <section className="preview">
      <p>{lastUsedDay === "" ? T.keys.breaksNothing : T.keys.breaks(lastUsedDay)}</p>
      <Facts
        of={[
          [T.keys.facts.id, apiKeyId],
          role === "" ? [T.keys.facts.permissions, permissions.join(", ")] : [T.keys.facts.role, role],
          [T.keys.facts.scope, <bdi key="scope">{scopeOf(apiKey)}</bdi>],
          [T.keys.facts.by, createdBy && <Actor key="by" name={createdBy} />],
          [T.keys.facts.created, <Time key="created" at={details?.creationDate} />],
        ]}
      />
    </section>
  );
}
