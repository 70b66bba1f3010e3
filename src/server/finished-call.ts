/** What becomes known of a call once it is over: a line of the log, a measurement and the end of its span. */
import type { Admission } from "../auth/admission.ts";
import type { Log } from "../observability/log.ts";
import type { Metrics } from "../observability/metrics.ts";
import { callFields } from "../service/call-fields.ts";
import type { Finished } from "../transport/call/call-record.ts";

/** All three say the same of it, in the same words. */
export function tellFinished(log: Log, metrics: Metrics): Finished<Admission | undefined> {
  return (record) => {
    const { level, message, fields, named } = callFields(record);
    log.write(level, message, fields);
    metrics.call({ ...named, durationMs: record.durationMs });
    const { id, httpMethod, httpStatus } = record;
    record.trace?.end({ ...named, id, httpMethod, httpStatus });
  };
}
