/** One value of a policy: whether it is set here, its value, and what is wrong with it. */
import { type ReactNode, useId } from "react";
import { Tag } from "../../parts/card.tsx";
import { DurationInput } from "../../parts/duration-input.tsx";
import { T } from "../../texts/texts.ts";
import { type FieldDraft, typedNumber } from "./policy-draft.ts";
import { type PolicyField, wordsOf } from "./policy-fields.ts";

export interface FieldRowProps {
  readonly field: PolicyField;
  readonly draft: FieldDraft;
  /** A sentence. */
  readonly fault: string | undefined;
  /** Whether the caller may change it. */
  readonly isOpen: boolean;
  readonly onChange: (more: Partial<FieldDraft>) => void;
}

/** The row. */
export function FieldRow({ field, draft, fault, isOpen, onChange }: FieldRowProps): ReactNode {
  const id = useId();
  const label = T.policy.fields[field.id] ?? field.id;
  const hint = T.policy.hints[field.id];
  const told = [hint !== undefined && `${id}-hint`, fault !== undefined && `${id}-fault`].filter(Boolean).join(" ");
  return (
    <div className="policy-row">
      <div className="policy-row-head">
        {isOpen && (
          <input
            type="checkbox"
            aria-label={T.policy.setThis(label)}
            checked={draft.isOwn}
            onChange={(event) => onChange({ isOwn: event.target.checked })}
          />
        )}
        <label htmlFor={id}>{label}</label>
      </div>
      <div className="policy-row-value">
        {isOpen && draft.isOwn ? (
          <ValueControl
            id={id}
            label={label}
            field={field}
            draft={draft}
            told={told || undefined}
            isWrong={fault !== undefined}
            onChange={onChange}
          />
        ) : (
          <output id={id}>{wordsOf(field, typedNumber(field, draft))}</output>
        )}
        <Tag tone={draft.isOwn ? "warn" : "calm"}>{draft.isOwn ? T.policy.setHere : T.policy.inherited}</Tag>
      </div>
      {isOpen && draft.isOwn && hint !== undefined && (
        <span id={`${id}-hint`} className="field-hint">
          {hint}
        </span>
      )}
      {fault !== undefined && (
        <span id={`${id}-fault`} className="field-error" role="alert">
          {fault}
        </span>
      )}
    </div>
  );
}

interface ValueControlProps extends Pick<FieldRowProps, "field" | "draft" | "onChange"> {
  readonly id: string;
  readonly label: string;
  readonly told: string | undefined;
  readonly isWrong: boolean;
}

function ValueControl({ id, label, field, draft, told, isWrong, onChange }: ValueControlProps): ReactNode {
  if (field.kind === "flag") {
    return (
      <select
        id={id}
        className="input select"
        value={draft.text}
        onChange={(event) => onChange({ text: event.target.value })}
      >
        <option value="1">{T.policy.yes}</option>
        <option value="0">{T.policy.no}</option>
      </select>
    );
  }
  const ids = { id, "aria-describedby": told, "aria-invalid": isWrong || undefined } as const;
  if (field.kind === "duration") return <DurationInput label={label} {...draft} onChange={onChange} {...ids} />;
  return (
    <input
      className="input"
      inputMode={field.kind === "count" ? "numeric" : "decimal"}
      autoComplete="off"
      {...ids}
      value={draft.text}
      onChange={(event) => onChange({ text: event.target.value })}
    />
  );
}
