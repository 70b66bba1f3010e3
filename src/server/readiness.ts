/** Watches whether the store can be used. */
import type { Config } from "../config.ts";
import type { OpenedStore } from "../store/store.ts";
import { whyClockIsBehind } from "./clock-watch.ts";

const CHECK_INTERVAL_MS = 1000;

/** Calls `report` with each change of what keeps the store from being ready; undefined: nothing. */
export function watchStore(
  store: OpenedStore,
  { allowClockBehind }: Config,
  report: (fault: string | undefined) => void,
): NodeJS.Timeout {
  let last: string | undefined;
  const note = (fault: string | undefined): void => {
    if (fault !== last) report(fault);
    last = fault;
  };
  const timer = setInterval(() => {
    store.check().then(
      () => note(allowClockBehind ? undefined : whyClockIsBehind(store.clockBehindMs)),
      () => note("the database cannot be used"),
    );
  }, CHECK_INTERVAL_MS);
  return timer.unref();
}
