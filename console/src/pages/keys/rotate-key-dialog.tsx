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
import { showSecret } from "./secret-dialog.tsx";

/** What the service takes if nothing is said. */
const OVERLAP_DEFAULT = "3600";

/** The dialog. It is open as long as it is shown. */
export function RotateKeyDialog({ apiKey, onClose }: KeyActProps): ReactNode {
  const { transport } = useSession();
  const [overlap, setOverlap] = useState(OVERLAP_DEFAULT);
  const [note, setNote] = useState("");
  const { run, error, isBusy } = useCall(ApiKeyService.typeName);
  const name = keyName(apiKey);
  const submit = async (): Promise<void> => {
    const request = { apiKeyId: apiKey.apiKeyId, overlap: durationFromMs(Number(overlap) * 1_000), note };
    const client = createClient(ApiKeyService, transport);
    const answer = await run(
      () => client.rotateApiKey(request),
      (done) => done.apiKey,
    );
    if (answer === undefined) return;
    showSecret({ name, secret: answer.secret });
    onClose();
  };
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
      onClose={onClose}
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
