/** The dialog that gives a key a new secret. */

import { durationFromMs } from "@bufbuild/protobuf/wkt";
import { createClient } from "@connectrpc/connect";
import { type ReactNode, useState } from "react";
import { ApiKeyService } from "../../../../gen/lockkeeper/apikey/v1/api_key_service_pb.ts";
import { useSession } from "../../app/session.tsx";
import { useCall } from "../../app/use-call.ts";
import { SelectField } from "../../parts/field.tsx";
import { isolate } from "../../texts/isolate.ts";
import { T } from "../../texts/texts.ts";
import { type KeyActProps, KeyDialog } from "./key-dialog.tsx";
import { keyName } from "./key-words.ts";
import { SecretDialog } from "./secret-dialog.tsx";
import { useHold } from "./use-hold.ts";

/** What the service takes if nothing is said. */
const OVERLAP_DEFAULT = "3600";

/** The dialog. It is open as long as it is shown. */
export function RotateKeyDialog({ apiKey, onClose }: KeyActProps): ReactNode {
  const { transport } = useSession();
  const [overlap, setOverlap] = useState(OVERLAP_DEFAULT);
  const [note, setNote] = useState("");
  const [secret, setSecret] = useState("");
  const { run, error, isBusy } = useCall();
  const { hold, close } = useHold(onClose);
  const name = keyName(apiKey);
  const submit = async (): Promise<void> => {
    const request = { apiKeyId: apiKey.apiKeyId, overlap: durationFromMs(Number(overlap) * 1_000), note };
    const client = createClient(ApiKeyService, transport);
    const rotate = run(
      () => client.rotateApiKey(request),
      (done) => done.apiKey,
    );
    const answer = await hold(rotate);
    if (answer !== undefined) setSecret(answer.secret);
  };
  if (secret !== "") return <SecretDialog name={name} secret={secret} onClose={onClose} />;
  return (
    <KeyDialog
      apiKey={apiKey}
      title={T.keys.rotateOf(isolate(name))}
      lead={T.keys.rotateLead}
      ownWarning={T.keys.ownRotate}
      label={T.keys.rotate}
      kind="primary"
      isBusy={isBusy}
      error={error}
      lost={T.keys.rotateLost}
      note={note}
      onNote={setNote}
      onSubmit={submit}
      onClose={close}
    >
      <SelectField
        label={T.keys.overlapLabel}
        hint={T.keys.overlapHint}
        value={overlap}
        options={Object.entries(T.keys.overlaps).map(([value, label]) => ({ value, label }))}
        onChange={setOverlap}
      />
    </KeyDialog>
  );
}
