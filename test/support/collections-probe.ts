/** Preloaded into a service (`--import`): answers any message with how often the whole heap was collected. */
import { constants, PerformanceObserver } from "node:perf_hooks";

let collections = 0;

new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) {
    const { detail } = entry as typeof entry & { readonly detail: { readonly kind: number } };
    if (detail.kind === constants.NODE_PERFORMANCE_GC_MAJOR) collections++;
  }
}).observe({ type: "gc", buffered: false });

process.on("message", () => {
  // The observer learns of a collection in a later turn.
  setTimeout(() => process.send?.(collections), 100);
});
process.channel?.unref();
