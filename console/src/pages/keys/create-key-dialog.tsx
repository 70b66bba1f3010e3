/** The dialog that creates a key: what it may do, where, and until when; then its secret, this once. */
import { createClient } from "@connectrpc/connect";
import { useQuery } from "@connectrpc/connect-query";
import { type ReactNode, useState } from "react";
import { type ApiKey, ApiKeyService } from "../../../../gen/lockkeeper/apikey/v1/api_key_service_pb.ts";
import { PERMISSIONS } from "../../app/permissions.ts";
import { useSession } from "../../app/session.tsx";
import { useCall } from "../../app/use-call.ts";
import { Button } from "../../parts/button.tsx";
import { Dialog, SubmitActions } from "../../parts/dialog.tsx";
import { CheckField, SelectField, TextField } from "../../parts/field.tsx";
import { FailureNotice } from "../../parts/notice.tsx";
import { T } from "../../texts/texts.ts";
import { toFailure } from "../../wire/failure.ts";
import { now, timestampOf } from "../../wire/time.ts";
import { keyName } from "./key-words.ts";
import { LostKey } from "./lost-key.tsx";
import { RevokeKeyDialog } from "./revoke-key-dialog.tsx";
import { showSecret } from "./secret-dialog.tsx";

const DAY_MS = 86_400_000;

interface KeyDraft {
  readonly name: string;
  /** Empty: `permissions` are listed. */
  readonly role: string;
  readonly permissions: readonly string[];
  readonly organization: string;
  /** `never`, `exact`, or days from now. */
  readonly expiry: string;
  readonly exact: string;
}

const NEW: KeyDraft = { name: "", role: "viewer", permissions: [], organization: "", expiry: "90", exact: "" };

/** The dialog. It is open as long as it is shown. */
export function CreateKeyDialog({ onClose }: { readonly onClose: () => void }): ReactNode {
  const { transport } = useSession();
  const [draft, setDraft] = useState(NEW);
  const [isTried, setIsTried] = useState(false);
  const { run, error, isBusy } = useCall(ApiKeyService.typeName);
  const [revoking, setRevoking] = useState<ApiKey>();
  // The contract has no id for this request: a repetition would create a second key.
  const isLost = error !== undefined && toFailure(error).isUnanswered;
  const change = (more: Partial<KeyDraft>): void => setDraft({ ...draft, ...more });
  const faults = faultsOf(draft);
  const submit = async (): Promise<void> => {
    setIsTried(true);
    if (isBusy || isLost || faults.permissions !== undefined || faults.exact !== undefined) return;
    const client = createClient(ApiKeyService, transport);
    const answer = await run(
      () => client.createApiKey(requestOf(draft)),
      (done) => done.apiKey,
    );
    if (answer?.apiKey === undefined) return;
    showSecret({ name: keyName(answer.apiKey), secret: answer.secret });
    onClose();
  };
  if (revoking !== undefined) return <RevokeKeyDialog apiKey={revoking} onClose={onClose} />;
  const fields = error === undefined ? undefined : toFailure(error).fields;
  return (
    <Dialog
      open
      onClose={onClose}
      busy={isBusy}
      title={T.keys.createTitle}
      onSubmit={() => void submit()}
      actions={
        isLost ? (
          <Button key="close" onClick={onClose}>
            {T.close}
          </Button>
        ) : (
          <SubmitActions key="submit" label={T.keys.submit} busy={isBusy} onClose={onClose} />
        )
      }
    >
      <TextField
        label={T.keys.name}
        hint={T.keys.nameHint}
        error={fields?.get("display_name")}
        maxLength={200}
        value={draft.name}
        onChange={(event) => change({ name: event.target.value })}
      />
      <WhatItMay draft={draft} fault={isTried ? faults.permissions : undefined} onChange={change} />
      <WhereAndWhen
        draft={draft}
        exactFault={(isTried ? faults.exact : undefined) ?? fields?.get("expire_time")}
        organizationFault={fields?.get("organization_id")}
        onChange={change}
      />
      {error !== undefined && fields?.size === 0 && <FailureNotice error={error} lost={T.keys.createLost} />}
      {isLost && <LostKey name={draft.name.trim()} onRevoke={setRevoking} />}
    </Dialog>
  );
}

interface PartProps {
  readonly draft: KeyDraft;
  readonly onChange: (more: Partial<KeyDraft>) => void;
}

function WhatItMay({ draft, fault, onChange }: PartProps & { readonly fault: string | undefined }): ReactNode {
  const { may } = useSession();
  const { role, permissions } = draft;
  // The service knows the roles, and whether the caller may grant one.
  const { data, error } = useQuery(
    ApiKeyService.method.createApiKey,
    { role, validateOnly: true },
    { enabled: role !== "" },
  );
  const toggle = (permission: string): void => {
    const others = permissions.filter((each) => each !== permission);
    onChange({ permissions: others.length < permissions.length ? others : [...others, permission] });
  };
  return (
    <>
      <SelectField
        label={T.keys.role}
        value={role}
        options={Object.entries(T.keys.roles).map(([value, label]) => ({ value, label }))}
        onChange={(next) => onChange({ role: next })}
      />
      {role === "" ? (
        <fieldset className="choices">
          <legend className="field-label">{T.keys.listed}</legend>
          {PERMISSIONS.filter((each) => may(each)).map((permission) => (
            <CheckField
              key={permission}
              label={permission}
              checked={permissions.includes(permission)}
              onChange={() => toggle(permission)}
            />
          ))}
          {fault !== undefined && (
            <span className="field-error" role="alert">
              {fault}
            </span>
          )}
        </fieldset>
      ) : (
        <div className="preview">
          <h3>{T.keys.preview}</h3>
          {error !== null && <FailureNotice error={error} />}
          {data?.apiKey !== undefined && <p>{T.keys.willMay(data.apiKey.permissions)}</p>}
        </div>
      )}
    </>
  );
}

interface WhereProps extends PartProps {
  readonly exactFault: string | undefined;
  readonly organizationFault: string | undefined;
}

function WhereAndWhen({ draft, exactFault, organizationFault, onChange }: WhereProps): ReactNode {
  const { who } = useSession();
  return (
    <>
      {who.organizationId === "" && (
        <TextField
          label={T.keys.organization}
          hint={T.keys.organizationHint}
          error={organizationFault}
          maxLength={200}
          value={draft.organization}
          onChange={(event) => onChange({ organization: event.target.value })}
        />
      )}
      <div className="field-row">
        <SelectField
          label={T.keys.expiry}
          value={draft.expiry}
          options={Object.keys(T.keys.expiries).map((value) => ({ value, label: T.keys.expiries[value] ?? value }))}
          onChange={(expiry) => onChange({ expiry })}
        />
        {draft.expiry === "exact" && (
          <TextField
            label={T.keys.exact}
            error={exactFault}
            type="datetime-local"
            value={draft.exact}
            onChange={(event) => onChange({ exact: event.target.value })}
          />
        )}
      </div>
    </>
  );
}

function faultsOf({ role, permissions, expiry, exact }: KeyDraft) {
  return {
    permissions: role === "" && permissions.length === 0 ? T.keys.chooseOne : undefined,
    exact: expiry === "exact" && !(new Date(exact).getTime() > now()) ? T.keys.exactInvalid : undefined,
  };
}

function requestOf({ name, role, permissions, organization, expiry, exact }: KeyDraft) {
  const expireMs = expiry === "exact" ? new Date(exact).getTime() : now() + Number(expiry) * DAY_MS;
  return {
    displayName: name.trim(),
    organizationId: organization.trim(),
    ...(role === "" ? { permissions: [...permissions] } : { role }),
    ...(expiry !== "never" && { expireTime: timestampOf(expireMs) }),
  };
}
