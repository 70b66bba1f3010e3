/** What somebody typed into the form of a policy. */
import type { PolicyValues } from "../../../../gen/lockkeeper/policy/v1/policy_service_pb.ts";
import { T } from "../../texts/texts.ts";
import { durationWords, typedSeconds, unitOf } from "../../wire/duration.ts";
import { FIELDS, type FieldId, numberOf, type PolicyField } from "./policy-fields.ts";

/** A field as it stands in the form. */
export interface FieldDraft {
  /** Whether the value is set here, or inherited. */
  readonly isOwn: boolean;
  readonly text: string;
  /** Of durations, in seconds: the length of the unit of `text`. */
  readonly unit: number;
}

export type PolicyDraft = Readonly<Record<FieldId, FieldDraft>>;

/** Returns the form of a policy. `own`: what it sets; `effective`: what it shows where it sets nothing. */
export function draftOf(own: PolicyValues | undefined, effective: PolicyValues | undefined): PolicyDraft {
  const entries = FIELDS.map((field) => {
    const set = numberOf(own, field.id);
    return [field.id, { isOwn: set !== undefined, ...shown(field, set ?? numberOf(effective, field.id) ?? field.min) }];
  });
  return Object.fromEntries(entries) as PolicyDraft;
}

/** Returns a value as its field shows it. */
export function shown({ kind }: PolicyField, number: number): { readonly text: string; readonly unit: number } {
  if (kind !== "duration") return { text: String(number), unit: 1 };
  const unit = unitOf(number);
  return { text: String(number / unit), unit };
}

/** Returns the value that is typed, as `numberOf` would; NaN if it is none. */
export function typedNumber({ kind }: PolicyField, { text, unit }: FieldDraft): number {
  return typedSeconds({ text, unit: kind === "duration" ? unit : 1 });
}

/** Returns the values that the draft sets. */
export function ownNumbers(draft: PolicyDraft): ReadonlyMap<FieldId, number> {
  return new Map(
    FIELDS.filter(({ id }) => draft[id].isOwn).map((field) => [field.id, typedNumber(field, draft[field.id])]),
  );
}

/** Returns what is wrong with a draft, by field, as sentences. */
export function faultsIn(draft: PolicyDraft): ReadonlyMap<FieldId, string> {
  const faults = FIELDS.filter(({ id }) => draft[id].isOwn).flatMap((field): [FieldId, string][] => {
    const { id, kind, min, max } = field;
    const number = typedNumber(field, draft[id]);
    const isWhole = kind !== "count" || Number.isInteger(number);
    if (number >= min && number <= max && isWhole) return [];
    const what = kind === "count" ? T.policy.whole : T.policy.number;
    const words = (bound: number): string => (kind === "duration" ? durationWords(bound) : bound.toLocaleString("en"));
    return [[id, T.policy.notBetween(what, words(min), words(max))]];
  });
  return new Map(faults);
}

/** Returns whether two drafts mean the same. */
export function isSame(a: PolicyDraft, b: PolicyDraft): boolean {
  const meaning = (draft: PolicyDraft): string => JSON.stringify([...ownNumbers(draft)]);
  return meaning(a) === meaning(b);
}
