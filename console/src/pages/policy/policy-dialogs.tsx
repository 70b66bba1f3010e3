/** The dialogs that change a policy: what will be in force afterwards, as the service itself foresees it. */

import { createClient } from "@connectrpc/connect";
import { useQuery as usePlainQuery, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useEffect, useState } from "react";
import {
  type Policy,
  PolicyService,
  type PolicyValues,
} from "../../../../gen/lockkeeper/policy/v1/policy_service_pb.ts";
import { useSession } from "../../app/session.tsx";
import { readAgain } from "../../live/read-again.ts";
import { Button } from "../../parts/button.tsx";
import { CancelButton, Dialog } from "../../parts/dialog.tsx";
import { FailureNotice, Loading } from "../../parts/notice.tsx";
import { Table } from "../../parts/table.tsx";
import { say } from "../../parts/toasts.tsx";
import { isolate } from "../../texts/isolate.ts";
import { T } from "../../texts/texts.ts";
import { toFailure } from "../../wire/failure.ts";
import { newRequestId } from "../../wire/request-id.ts";
import { FIELDS, numberOf, wordsOf } from "./policy-fields.ts";

interface DialogProps {
  readonly policy: Policy;
  readonly onClose: () => void;
  /** Reads the policy again. */
  readonly onChange: () => unknown;
}

/** A change. `onRefused`: is given the error if the values are not allowed. */
export function ChangeDialog({
  policy,
  values,
  onRefused,
  ...more
}: DialogProps & { readonly values: PolicyValues; readonly onRefused: (error: unknown) => void }): ReactNode {
  const { transport } = useSession();
  const { organizationId, details } = policy;
  const update = async (more: CallOptions): Promise<Policy | undefined> => {
    const expectedSequence = details?.sequence ?? 0n;
    const request = { organizationId, values, updateMask: { paths: ["*"] }, expectedSequence, ...more };
    return (await createClient(PolicyService, transport).updatePolicy(request)).policy;
  };
  return (
    <ForeseenDialog
      {...more}
      policy={policy}
      title={T.policy.dialog.title(whoseOf(policy))}
      label={T.policy.dialog.save}
      done={T.policy.dialog.saved}
      call={update}
      onRefused={onRefused}
    />
  );
}

/** A reset of the policy as it was read. */
export function ResetDialog({ policy, ...more }: DialogProps): ReactNode {
  const { transport } = useSession();
  const { organizationId, details } = policy;
  const reset = async (more: CallOptions): Promise<Policy | undefined> => {
    const request = { organizationId, expectedSequence: details?.sequence ?? 0n, ...more };
    return (await createClient(PolicyService, transport).resetPolicy(request)).policy;
  };
  return (
    <ForeseenDialog
      {...more}
      policy={policy}
      title={T.policy.dialog.resetTitle(whoseOf(policy))}
      label={T.policy.dialog.resetAll}
      done={T.policy.dialog.wasReset}
      call={reset}
    />
  );
}

interface CallOptions {
  readonly validateOnly: boolean;
  /** Absent: none. */
  readonly requestId?: string;
}

interface ForeseenDialogProps extends DialogProps {
  readonly title: string;
  readonly label: string;
  readonly done: string;
  readonly call: (more: CallOptions) => Promise<Policy | undefined>;
  readonly onRefused?: (error: unknown) => void;
}

function ForeseenDialog({
  policy,
  title,
  label,
  done,
  call,
  onRefused,
  onClose,
  onChange,
}: ForeseenDialogProps): ReactNode {
  const queries = useQueryClient();
  const [failed, setFailed] = useState<unknown>(null);
  const [isBusy, setIsBusy] = useState(false);
  // A repetition after a lost answer changes nothing twice.
  const [requestId] = useState(newRequestId);
  const foreseen = usePlainQuery({
    queryKey: ["policy", title, String(policy.details?.sequence)],
    queryFn: async () => (await call({ validateOnly: true })) ?? null,
    gcTime: 0,
    staleTime: 0,
  });
  const error = failed ?? foreseen.error;
  const isFieldFault = error !== null && toFailure(error).fields.size > 0;
  useEffect(() => {
    if (isFieldFault) onRefused?.(error);
  }, [isFieldFault, error, onRefused]);
  const isStale = error !== null && toFailure(error).reason === "SEQUENCE_MISMATCH";
  const save = async (): Promise<void> => {
    if (isBusy) return;
    setIsBusy(true);
    try {
      await call({ validateOnly: false, requestId });
      // The form begins again with the values that are read: what somebody opened from the old one would vanish.
      await onChange();
      say({ text: done });
      onClose();
      void readAgain(queries);
    } catch (refused) {
      setFailed(refused);
    } finally {
      setIsBusy(false);
    }
  };
  const lookAgain = (): void => {
    onClose();
    void onChange();
  };
  return (
    <Dialog
      open
      onClose={onClose}
      busy={isBusy}
      title={title}
      lead={T.policy.dialog.lead}
      onSubmit={() => void (isStale ? lookAgain() : save())}
      actions={
        <>
          <CancelButton busy={isBusy} onClose={onClose} />
          <Button key={isStale ? "again" : "save"} type="submit" kind="primary" busy={isBusy || foreseen.isPending}>
            {isStale ? T.policy.dialog.lookAgain : label}
          </Button>
        </>
      }
    >
      {isStale && (
        <p className="failure" role="alert">
          {T.policy.dialog.stale}
        </p>
      )}
      {error !== null && !isStale && (
        <FailureNotice error={error} lost={failed === null ? undefined : T.failures.lost} />
      )}
      {foreseen.isPending && <Loading />}
      {foreseen.data != null && !isStale && <Differences before={policy.effective} after={foreseen.data.effective} />}
    </Dialog>
  );
}

interface DifferencesProps {
  readonly before: PolicyValues | undefined;
  readonly after: PolicyValues | undefined;
}

function Differences({ before, after }: DifferencesProps): ReactNode {
  const changed = FIELDS.filter(({ id }) => numberOf(before, id) !== numberOf(after, id));
  if (changed.length === 0) return <p>{T.policy.dialog.same}</p>;
  return (
    <Table
      caption={T.policy.dialog.caption}
      rows={changed}
      keyOf={({ id }) => id}
      columns={[
        { id: "value", head: T.policy.dialog.value, cell: ({ id }) => T.policy.fields[id] },
        { id: "before", head: T.policy.dialog.before, cell: (field) => wordsOf(field, numberOf(before, field.id)) },
        {
          id: "after",
          head: T.policy.dialog.after,
          cell: (field) => <b>{wordsOf(field, numberOf(after, field.id))}</b>,
        },
      ]}
    />
  );
}

function whoseOf({ organizationId }: Policy): string {
  return organizationId === "" ? T.policy.ofInstance : isolate(organizationId);
}
