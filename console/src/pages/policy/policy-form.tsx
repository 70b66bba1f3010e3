/** The form of a policy: each value set here or inherited. */
import { useQuery } from "@connectrpc/connect-query";
import { type ReactNode, useState } from "react";
import { type Policy, PolicyService } from "../../../../gen/lockkeeper/policy/v1/policy_service_pb.ts";
import { useSession } from "../../app/session.tsx";
import { Button } from "../../parts/button.tsx";
import { FailureNotice } from "../../parts/notice.tsx";
import { Time } from "../../parts/time.tsx";
import { T } from "../../texts/texts.ts";
import { toFailure } from "../../wire/failure.ts";
import { ChangeDialog, ResetDialog } from "./policy-dialogs.tsx";
import { draftOf, type FieldDraft, faultsIn, isSame, ownNumbers, shown } from "./policy-draft.ts";
import { FieldRow } from "./policy-field-row.tsx";
import { FIELDS, type FieldId, fieldOfPath, GROUPS, numberOf, valuesOf } from "./policy-fields.ts";
import { Simulation } from "./simulation.tsx";
import { Unsaved } from "./unsaved.tsx";

/** The form. `onChange`: reads the policy again. */
export function PolicyForm({
  policy,
  onChange,
}: {
  readonly policy: Policy;
  readonly onChange: () => unknown;
}): ReactNode {
  const { may, missing } = useSession();
  const saved = draftOf(policy.values, policy.effective);
  const [draft, setDraft] = useState(saved);
  const [isTried, setIsTried] = useState(false);
  const [open, setOpen] = useState<"change" | "reset">();
  const [refused, setRefused] = useState<unknown>();
  const inherited = useInherited(policy);
  const numbers = ownNumbers(draft);
  const faults = faultsIn(draft);
  const isChanged = !isSame(draft, saved);
  const shownFaults = new Map(isTried ? [...refusedFields(refused, valuesOf(numbers)), ...faults] : []);
  const change = (id: FieldId, more: Partial<FieldDraft>): void => {
    setRefused(undefined);
    // What is not set here shows what it would inherit.
    const field = FIELDS.find((each) => each.id === id);
    const value = numberOf(inherited, id);
    const back = field !== undefined && more.isOwn === false && value !== undefined ? shown(field, value) : {};
    setDraft({ ...draft, [id]: { ...draft[id], ...back, ...more } });
  };
  const review = (): void => {
    setIsTried(true);
    if (faults.size === 0) setOpen("change");
  };
  const close = (): void => setOpen(undefined);
  return (
    <>
      <PolicyNote policy={policy} />
      {isChanged && <Unsaved />}
      <form
        className="stack-wide"
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          if (isChanged && may("policy.write")) review();
        }}
      >
        {GROUPS.map(({ id, fields }) => (
          <fieldset key={id} className="card policy-group">
            <legend className="card-title">{T.policy.groups[id]}</legend>
            {fields.map((field) => (
              <FieldRow
                key={field.id}
                field={field}
                draft={draft[field.id]}
                fault={shownFaults.get(field.id)}
                isOpen={may("policy.write")}
                onChange={(more) => change(field.id, more)}
              />
            ))}
          </fieldset>
        ))}
        {refused !== undefined && <FailureNotice error={refused} />}
        <div className="buttons">
          <Button
            type="submit"
            kind="primary"
            missing={missing("policy.write") ?? (isChanged ? undefined : T.policy.unchanged)}
          >
            {T.policy.review}
          </Button>
          {isChanged && <Button onClick={() => setDraft(saved)}>{T.policy.discard}</Button>}
          <Button
            missing={missing("policy.delete") ?? (isSetHere(policy) ? undefined : T.policy.nothingToReset)}
            onClick={() => setOpen("reset")}
          >
            {T.policy.reset}
          </Button>
        </div>
      </form>
      <Simulation
        policy={policy}
        inherited={inherited}
        numbers={faults.size === 0 ? numbers : undefined}
        isChanged={isChanged}
      />
      {open === "change" && (
        <ChangeDialog
          policy={policy}
          values={valuesOf(numbers)}
          onRefused={(error) => {
            setRefused(error);
            close();
          }}
          onClose={close}
          onChange={onChange}
        />
      )}
      {open === "reset" && <ResetDialog policy={policy} onClose={close} onChange={onChange} />}
    </>
  );
}

function PolicyNote({ policy }: { readonly policy: Policy }): ReactNode {
  const { may } = useSession();
  return (
    <p className="count">
      {!isSetHere(policy) && `${T.policy.noneSet} `}
      {policy.details !== undefined && (
        <>
          {T.policy.changedAt}: <Time at={policy.details.changeDate} />.{" "}
        </>
      )}
      {!may("policy.write") && T.policy.readOnly}
    </p>
  );
}

function isSetHere({ values }: Policy): boolean {
  return FIELDS.some(({ id }) => numberOf(values, id) !== undefined);
}

/** Returns what the policy would be without values of its own; undefined for callers who may not ask. */
function useInherited({ organizationId, details }: Policy): Policy["effective"] {
  const { may } = useSession();
  const { data } = useQuery(
    PolicyService.method.updatePolicy,
    {
      organizationId,
      values: {},
      updateMask: { paths: ["*"] },
      expectedSequence: details?.sequence ?? 0n,
      validateOnly: true,
    },
    { enabled: may("policy.write") },
  );
  return data?.policy?.effective;
}

function refusedFields(error: unknown, values: ReturnType<typeof valuesOf>): [FieldId, string][] {
  if (error === undefined) return [];
  return [...toFailure(error).fields].flatMap(([path, sentence]): [FieldId, string][] => {
    const field = fieldOfPath(path, values);
    return field === undefined ? [] : [[field, sentence]];
  });
}
