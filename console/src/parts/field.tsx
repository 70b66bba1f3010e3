/** Form fields: a label, a control, a hint and an error that belong together. */
import { type ComponentProps, type ReactNode, useId } from "react";

interface FieldProps {
  readonly label: string;
  readonly hint?: string | undefined;
  /** A sentence; the field is shown as wrong while it is there. */
  readonly error?: string | undefined;
}

interface ControlIds {
  readonly id: string;
  readonly "aria-describedby": string | undefined;
  readonly "aria-invalid": true | undefined;
}

/** A field around any control, which takes the attributes that `children` is given. */
export function Field({
  label,
  hint,
  error,
  children,
}: FieldProps & { readonly children: (ids: ControlIds) => ReactNode }): ReactNode {
  const id = useId();
  const told = [hint !== undefined && `${id}-hint`, error !== undefined && `${id}-error`].filter(Boolean).join(" ");
  return (
    <div className="field">
      <label className="field-label" htmlFor={id}>
        {label}
      </label>
      {children({ id, "aria-describedby": told || undefined, "aria-invalid": error === undefined ? undefined : true })}
      {hint !== undefined && (
        <span id={`${id}-hint`} className="field-hint">
          {hint}
        </span>
      )}
      {error !== undefined && (
        <span id={`${id}-error`} className="field-error" role="alert">
          {error}
        </span>
      )}
    </div>
  );
}

/** A line of text. */
export function TextField({ label, hint, error, ...more }: FieldProps & ComponentProps<"input">): ReactNode {
  return (
    <Field label={label} hint={hint} error={error}>
      {(ids) => <input className="input" autoComplete="off" spellCheck={false} {...more} {...ids} />}
    </Field>
  );
}

/** Several lines of text. */
export function TextArea({ label, hint, error, ...more }: FieldProps & ComponentProps<"textarea">): ReactNode {
  return (
    <Field label={label} hint={hint} error={error}>
      {(ids) => <textarea className="input" rows={2} {...more} {...ids} />}
    </Field>
  );
}

export interface Option<V extends string> {
  readonly value: V;
  readonly label: string;
}

/** One of a few values, in the browser's own list: it works with every keyboard and on every telephone. */
export function SelectField<V extends string>({
  label,
  hint,
  error,
  value,
  options,
  onChange,
}: FieldProps & {
  readonly value: V;
  readonly options: readonly Option<V>[];
  readonly onChange: (value: V) => void;
}): ReactNode {
  return (
    <Field label={label} hint={hint} error={error}>
      {(ids) => (
        <select
          className="input select"
          value={value}
          onChange={(event) => {
            const chosen = options.find((each) => each.value === event.target.value);
            if (chosen !== undefined) onChange(chosen.value);
          }}
          {...ids}
        >
          {options.map((each) => (
            <option key={each.value} value={each.value}>
              {each.label}
            </option>
          ))}
        </select>
      )}
    </Field>
  );
}

/** Yes or no. */
export function CheckField({ label, ...more }: { readonly label: string } & ComponentProps<"input">): ReactNode {
  return (
    <label className="check">
      <input type="checkbox" {...more} />
      {label}
    </label>
  );
}
