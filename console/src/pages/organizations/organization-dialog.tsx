/** The dialog that creates an organization or changes one. */

import { durationFromMs, durationMs } from "@bufbuild/protobuf/wkt";
import { createClient } from "@connectrpc/connect";
import { type ReactNode, useRef, useState } from "react";
import {
  type Organization,
  OrganizationService,
} from "../../../../gen/lockkeeper/organization/v1/organization_service_pb.ts";
import { useSession } from "../../app/session.tsx";
import { useCall } from "../../app/use-call.ts";
import { Dialog, SubmitActions } from "../../parts/dialog.tsx";
import { DurationField, type TypedDuration } from "../../parts/duration-input.tsx";
import { TextField } from "../../parts/field.tsx";
import { FailureNotice } from "../../parts/notice.tsx";
import { say } from "../../parts/toasts.tsx";
import { isolate } from "../../texts/isolate.ts";
import { T } from "../../texts/texts.ts";
import { typedSeconds, unitOf } from "../../wire/duration.ts";
import { toFailure } from "../../wire/failure.ts";
import { newRequestId } from "../../wire/request-id.ts";

const LOCK_SECONDS_MAX = 3_650 * 86_400;

interface Draft {
  readonly id: string;
  readonly name: string;
  readonly lock: TypedDuration;
}

/** Returns what to call an organization. */
export function organizationName({ displayName, organizationId }: Organization): string {
  return displayName || organizationId;
}

/** The dialog. It is open as long as it is shown. `organization`: absent for a new one. */
export function OrganizationDialog({
  organization,
  onClose,
}: {
  readonly organization: Organization | undefined;
  readonly onClose: () => void;
}): ReactNode {
  const [draft, setDraft] = useState(() => draftOf(organization));
  const [isTried, setIsTried] = useState(false);
  const { save, error, isBusy } = useSave(organization, draft);
  const change = (more: Partial<Draft>): void => setDraft({ ...draft, ...more });
  const isLockRight = draft.lock.text.trim() === "" || isAllowed(typedSeconds(draft.lock));
  const failure = error === undefined ? undefined : toFailure(error);
  const submit = async (): Promise<void> => {
    setIsTried(true);
    if (!isLockRight || isBusy) return;
    const saved = await save();
    if (saved === undefined) return;
    onClose();
    const name = isolate(organizationName(saved));
    say({ text: organization === undefined ? T.organizations.made(name) : T.organizations.saved(name) });
  };
  const lockFault = isTried && !isLockRight ? T.organizations.lockInvalid : undefined;
  return (
    <Dialog
      open
      onClose={onClose}
      busy={isBusy}
      title={
        organization === undefined
          ? T.organizations.createTitle
          : T.organizations.editTitle(isolate(organizationName(organization)))
      }
      onSubmit={() => void submit()}
      actions={<SubmitActions label={T.organizations.save} busy={isBusy} onClose={onClose} />}
    >
      {organization === undefined && (
        <TextField
          label={T.organizations.id}
          hint={T.organizations.idHint}
          error={failure?.fields.get("organization_id")}
          maxLength={200}
          value={draft.id}
          onChange={(event) => change({ id: event.target.value })}
        />
      )}
      <TextField
        label={T.organizations.name}
        hint={T.organizations.nameHint}
        error={failure?.fields.get("display_name")}
        maxLength={200}
        value={draft.name}
        onChange={(event) => change({ name: event.target.value })}
      />
      <DurationField
        label={T.organizations.lock}
        hint={T.organizations.lockHint}
        error={lockFault ?? failure?.fields.get("default_lock_duration")}
        {...draft.lock}
        onChange={(lock) => change({ lock })}
      />
      {failure?.reason === "SEQUENCE_MISMATCH" ? (
        <p className="failure" role="alert">
          {T.organizations.stale}
        </p>
      ) : (
        failure !== undefined && failure.fields.size === 0 && <FailureNotice error={error} lost={T.failures.lost} />
      )}
    </Dialog>
  );
}

function draftOf(organization: Organization | undefined): Draft {
  const { organizationId = "", displayName = "", defaultLockDuration } = organization ?? {};
  const seconds = defaultLockDuration && durationMs(defaultLockDuration) / 1_000;
  const unit = seconds === undefined ? 3_600 : unitOf(seconds);
  const text = seconds === undefined ? "" : String(seconds / unit);
  return { id: organizationId, name: displayName, lock: { text, unit } };
}

function isAllowed(seconds: number): boolean {
  return seconds > 0 && seconds <= LOCK_SECONDS_MAX;
}

interface Save {
  /** Resolves to the organization; undefined if it was refused. */
  readonly save: () => Promise<Organization | undefined>;
  readonly error: unknown;
  readonly isBusy: boolean;
}

function useSave(organization: Organization | undefined, { id, name, lock }: Draft): Save {
  const { transport } = useSession();
  const { run, error, isBusy } = useCall(OrganizationService.typeName);
  // A repetition after a lost answer makes no second organization; another draft is another request.
  const request = useRef({ of: "", id: "" });
  const call = async (): Promise<Organization | undefined> => {
    const client = createClient(OrganizationService, transport);
    const of = JSON.stringify([id, name, lock]);
    if (request.current.of !== of) request.current = { of, id: newRequestId() };
    const requestId = request.current.id;
    const fields = {
      displayName: name.trim(),
      ...(lock.text.trim() !== "" && { defaultLockDuration: durationFromMs(typedSeconds(lock) * 1_000) }),
      requestId,
    };
    if (organization === undefined) {
      return (await client.createOrganization({ organizationId: id.trim(), ...fields })).organization;
    }
    const { organizationId, details } = organization;
    return (
      await client.updateOrganization({
        organizationId,
        ...fields,
        updateMask: { paths: ["display_name", "default_lock_duration"] },
        ...(details && { expectedSequence: details.sequence }),
      })
    ).organization;
  };
  return { save: () => run(call, (done) => done), error, isBusy };
}
