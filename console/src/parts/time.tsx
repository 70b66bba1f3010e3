/** Instants: in the reader's time, with UTC behind it. */
import type { Timestamp } from "@bufbuild/protobuf/wkt";
import type { ReactNode } from "react";
import { T } from "../texts/texts.ts";
import { localTime, millisOf, relativeTime, utcTime } from "../wire/time.ts";

/** An instant. Without one: `never`. `relative`: how far away it is instead; `isExact`: to the second, in UTC. */
export function Time({
  at,
  relative = false,
  isExact = false,
}: {
  readonly at: Timestamp | undefined;
  readonly relative?: boolean;
  readonly isExact?: boolean;
}): ReactNode {
  const millis = millisOf(at);
  if (millis === undefined) return T.never;
  return (
    <time dateTime={new Date(millis).toISOString()} title={`${localTime(millis)} · ${utcTime(millis)}`}>
      {isExact ? utcTime(millis) : relative ? relativeTime(millis) : localTime(millis)}
    </time>
  );
}
