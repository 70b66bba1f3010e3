/** The metrics of the process as prom-client collects them: memory, processor time, garbage collections. */
import { collectDefaultMetrics, Registry } from "prom-client";

/** Of the process, not of one service in it: listeners in V8 cannot be removed. */
const registry = new Registry();
// The lag of the event loop is removed below, but it is still measured: as seldom as may be, in milliseconds.
collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: 1_000 });
// These restart at each scrape, so two scrapers would each see a part, and have no values in between.
for (const { name } of registry.getMetricsAsArray()) {
  if (name.startsWith("nodejs_eventloop_lag")) registry.removeSingleMetric(name);
}

/** Returns the lines of an exposition. */
export function processText(): Promise<string> {
  return registry.metrics();
}
