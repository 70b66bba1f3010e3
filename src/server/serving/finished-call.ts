/** Reports a finished call: a line of the log, a measurement and the end of its span. */
import type { Admission } from "../../auth/admission.ts";
import type { Log } from "../../observability/log.ts";
import type { Metrics } from "../../observability/metrics.ts";
import { callFields } from "../../service/call-fields.ts";
import type { Finished } from "../../transport/call/call-record.ts";

/** Returns a listener that gives all three the same fields. */
export function reportFinished(log: Log, metrics: Metrics): Finished<Admission | undefined> {
  return (record) => {
    const { level, message, fields, named } = callFields(record);
    log.write(level, message, fields);
    metrics.call(named);
    const { id, httpMethod, httpStatus, trace } = record;
    trace?.endSpan({ ...named, id, httpMethod, httpStatus });
  };
}
