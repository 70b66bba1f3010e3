/** A call that changes something: its error, and whether it is under way. */
import { useQueryClient } from "@tanstack/react-query";
import { useRef, useState } from "react";
import { readAgain } from "../live/read-again.ts";
import { putRow, type Row } from "../live/rows.ts";

export interface Call {
  /**
   * Resolves to the answer; undefined if the call was refused, or another is under way. `rowOf`: returns what lists have
   * of the answer.
   */
  readonly run: <A>(call: () => Promise<A>, rowOf?: (answer: A) => Row | undefined) => Promise<A | undefined>;
  /** Of the last call; undefined without one. */
  readonly error: unknown;
  readonly isBusy: boolean;
}

/** Returns how to call. What pages have read is read again afterwards, but for long lists, which get the changed row. */
export function useCall(): Call {
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
      if (row !== undefined) putRow(queries, row);
      return answer;
    } catch (refused) {
      setError(refused);
      return undefined;
    } finally {
      isRunning.current = false;
      setIsBusy(false);
      // Also without an answer: it may be done.
      void readAgain(queries);
    }
  };
  return { run, error, isBusy };
}
