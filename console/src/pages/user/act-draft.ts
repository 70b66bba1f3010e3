/** What somebody typed into the dialog of an act, and the request that it becomes. */
import { durationFromMs } from "@bufbuild/protobuf/wkt";
import type { Option } from "../../parts/field.tsx";
import { T } from "../../texts/texts.ts";
import { now, timestampOf } from "../../wire/time.ts";
import { ACTS, type ActName } from "./acts.ts";

export interface ActDraft {
  readonly reasonCode: string;
  readonly note: string;
  /** `default`, `never`, `exact`, or seconds from now. */
  readonly end: string;
  /** As the browser's control has it: local time without a zone. */
  readonly exact: string;
  readonly revokeSessions: boolean;
  /** When it begins, in the form of `exact`; empty: now. Undefined until somebody asks for a later time. */
  readonly start?: string | undefined;
}

/** Returns the draft with which a dialog opens. */
export function draftFor(act: ActName): ActDraft {
  return { reasonCode: "", note: "", end: ACTS[act].ends?.byDefault ?? "default", exact: "", revokeSessions: false };
}

/** Returns the ends that are offered. */
export function endChoices({
  presets,
  byDefault,
}: NonNullable<(typeof ACTS)["lock"]["ends"]>): readonly Option<string>[] {
  return [
    ...(byDefault === "default" ? [{ value: "default", label: T.acts.defaultEnd }] : []),
    ...presets.map((seconds) => ({ value: String(seconds), label: T.acts.presets[seconds] ?? `${seconds} s` })),
    { value: "exact", label: T.acts.exact },
    { value: "never", label: T.acts.never },
  ];
}

/** Returns what is wrong with a draft, by field. */
export function faultsOf({ reasonCode, end, exact, start }: ActDraft): {
  readonly reasonCode?: string | undefined;
  readonly exact?: string | undefined;
  readonly start?: string | undefined;
} {
  const begin = start === undefined ? now() : new Date(start).getTime();
  return {
    reasonCode: /^([A-Z][A-Z0-9_]*)?$/.test(reasonCode) ? undefined : T.acts.reasonInvalid,
    exact: end === "exact" && !(new Date(exact).getTime() > begin) ? T.acts.exactInvalid : undefined,
    start: start !== undefined && !(begin > now()) ? T.acts.startInvalid : undefined,
  };
}

/** Returns the part of the request that the draft decides. A chosen length is sent as one: the service's clock counts. */
export function requestOf(act: ActName, { reasonCode, note, end, exact, revokeSessions, start }: ActDraft) {
  const { ends, cause } = ACTS[act];
  return {
    reasonCode,
    note,
    ...(ends !== undefined && { expiry: expiryOf(end, exact) }),
    ...(ends !== undefined && start !== undefined && { startTime: timestampOf(new Date(start).getTime()) }),
    ...(cause !== undefined && { cause }),
    ...(ACTS[act].endsSessions === "asked" && { revokeSessions }),
  };
}

function expiryOf(end: string, exact: string) {
  if (end === "default") return { case: undefined };
  if (end === "never") return { case: "never", value: true } as const;
  if (end === "exact") return { case: "expireTime", value: timestampOf(new Date(exact).getTime()) } as const;
  return { case: "duration", value: durationFromMs(Number(end) * 1_000) } as const;
}
