/** A call that changes something: its error, and whether it is under way. */
import { useQueryClient } from "@tanstack/react-query";
import { useRef, useState } from "react";
import { know, type Row, tellChange } from "../live/lists.ts";
import { readAgain } from "../live/read-again.ts";

export interface Call {
  /**
   * Resolves to the answer; undefined if the call was refused, or another is under way. `rowOf`: returns the row that the
   * answer has.
   */
  readonly run: <A>(call: () => Promise<A>, rowOf?: (answer: A) => Row | undefined) => Promise<A | undefined>;
  /** Of the last call; undefined without one. */
  readonly error: unknown;
  readonly isBusy: boolean;
}

/**
 * Returns how to call. What pages have read is read again afterwards, but for long lists: those of `service` say that they may
 * have changed.
 */
export function useCall(service: string): Call {
  const queries = useQueryClient();
  const [error, setError] = useState<unknown>();
  const [isBusy, setIsBusy] = useState(false);
  // What is shown lags behind: the second press of a double click would still find it idle.
  const isRunning = useRef<boolean>(false);
  const run: Call["run"] = async (call, rowOf) => {
    if (isRunning.current) return undefined;
    isRunning.current = true;
    setIsBusy(true);
    setError(undefined);
    try {
      const answer = await call();
      const row = rowOf?.(answer);
      if (row !== undefined) know(queries, row);
      return answer;
    } catch (refused) {
      setError(refused);
      return undefined;
    } finally {
      isRunning.current = false;
      setIsBusy(false);
      // Also without an answer: it may be done.
      tellChange(queries, service);
      void readAgain(queries);
    }
  };
  return { run, error, isBusy };
}
