/** The periods of lists and simulations. */
import { invalidField } from "../../domain/refusal.ts";

/** `[startTime, endTime)` in milliseconds since the epoch. */
export interface Period {
  readonly startTime: number;
  readonly endTime: number;
}

/** Returns the requested period; missing ends come from `absent`. Throws FIELD_INVALID if it is empty. */
export function periodOf(asked: Partial<Period>, absent: Period): Period {
  const { startTime = absent.startTime, endTime = absent.endTime } = asked;
  if (startTime < endTime) return { startTime, endTime };
  const [start, end] = [startTime, endTime].map((time) => new Date(time).toISOString());
  throw invalidField("start_time", `${start} is not allowed; it must be earlier than end_time, ${end}`);
}
