/** The fields of an act: why, until when, and what else. */
import { type ReactNode, useId } from "react";
import { CheckField, SelectField, TextArea, TextField } from "../../parts/field.tsx";
import { T } from "../../texts/texts.ts";
import { type ActDraft, endChoices, type faultsOf } from "./act-draft.ts";
import { ACTS, type ActName } from "./acts.ts";

export interface ActFormProps {
  readonly act: ActName;
  readonly draft: ActDraft;
  readonly faults: ReturnType<typeof faultsOf>;
  readonly onChange: (draft: ActDraft) => void;
}

/** Codes that most systems know; any other may be typed. */
const REASONS_OFFERED = ["ABUSE", "CHARGEBACK", "COMPROMISED", "FRAUD", "SPAM", "USER_REQUEST"];

/** The form. */
export function ActForm({ act, draft, faults, onChange }: ActFormProps): ReactNode {
  const change = (more: Partial<ActDraft>): void => onChange({ ...draft, ...more });
  const { ends, endsSessions } = ACTS[act];
  const offered = useId();
  return (
    <>
      <TextField
        label={T.acts.reasonCode}
        hint={T.acts.reasonHint}
        error={faults.reasonCode}
        list={offered}
        maxLength={63}
        value={draft.reasonCode}
        onChange={(event) => change({ reasonCode: event.target.value.toUpperCase().replaceAll(" ", "_") })}
      />
      <datalist id={offered}>
        {REASONS_OFFERED.map((each) => (
          <option key={each} value={each} />
        ))}
      </datalist>
      {ends !== undefined && (
        <div className="field-row">
          <SelectField
            label={T.acts.start}
            value={draft.start === undefined ? "now" : "later"}
            options={[
              { value: "now", label: T.acts.now },
              { value: "later", label: T.acts.exact },
            ]}
            onChange={(start) => change({ start: start === "now" ? undefined : "" })}
          />
          {draft.start !== undefined && (
            <TextField
              label={T.acts.exactStart}
              error={faults.start}
              type="datetime-local"
              value={draft.start}
              onChange={(event) => change({ start: event.target.value })}
            />
          )}
        </div>
      )}
      {ends !== undefined && (
        <div className="field-row">
          <SelectField
            label={T.acts.end}
            value={draft.end}
            options={endChoices(ends)}
            onChange={(end) => change({ end })}
          />
          {draft.end === "exact" && (
            <TextField
              label={T.acts.exactTime}
              error={faults.exact}
              type="datetime-local"
              value={draft.exact}
              onChange={(event) => change({ exact: event.target.value })}
            />
          )}
        </div>
      )}
      {endsSessions === "asked" && (
        <CheckField
          label={T.acts.revokeSessions}
          checked={draft.revokeSessions}
          onChange={(event) => change({ revokeSessions: event.target.checked })}
        />
      )}
      <TextArea
        label={T.acts.note}
        hint={T.acts.noteHint}
        maxLength={1000}
        value={draft.note}
        onChange={(event) => change({ note: event.target.value })}
      />
    </>
  );
}
