/** A length of time: a number and its unit. */
import type { ReactNode } from "react";
import { T } from "../texts/texts.ts";
import { UNIT_SECONDS } from "../wire/duration.ts";
import { Field } from "./field.tsx";

/** What is typed. `unit`: in seconds. */
export interface TypedDuration {
  readonly text: string;
  readonly unit: number;
}

interface DurationInputProps extends TypedDuration {
  readonly label: string;
  readonly id: string;
  readonly "aria-describedby"?: string | undefined;
  readonly "aria-invalid"?: true | undefined;
  readonly onChange: (more: Partial<TypedDuration>) => void;
}

/** The two controls, for a label with `htmlFor`. */
export function DurationInput({ label, text, unit, onChange, ...ids }: DurationInputProps): ReactNode {
  return (
    <>
      <input
        className="input"
        inputMode="decimal"
        autoComplete="off"
        {...ids}
        value={text}
        onChange={(event) => onChange({ text: event.target.value })}
      />
      <select
        className="input select"
        aria-label={`${label}: ${T.unit}`}
        value={unit}
        onChange={(event) => onChange({ unit: Number(event.target.value) })}
      >
        {UNIT_SECONDS.map((seconds) => (
          <option key={seconds} value={seconds}>
            {T.units[seconds]}
          </option>
        ))}
      </select>
    </>
  );
}

export interface DurationFieldProps extends TypedDuration {
  readonly label: string;
  readonly hint?: string | undefined;
  readonly error?: string | undefined;
  readonly onChange: (typed: TypedDuration) => void;
}

/** A field of a form. */
export function DurationField({ label, hint, error, text, unit, onChange }: DurationFieldProps): ReactNode {
  return (
    <Field label={label} hint={hint} error={error}>
      {(ids) => (
        <div className="duration">
          <DurationInput
            label={label}
            text={text}
            unit={unit}
            onChange={(more) => onChange({ text, unit, ...more })}
            {...ids}
          />
        </div>
      )}
    </Field>
  );
}
