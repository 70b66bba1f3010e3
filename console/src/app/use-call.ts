/** A call that changes something: its error, and whether it is under way. */
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";

export interface Call {
  /** Resolves to the answer; undefined if the call was refused, or another is under way. */
  readonly run: <A>(call: () => Promise<A>) => Promise<A | undefined>;
  /** Of the last call; undefined without one. */
  readonly error: unknown;
  readonly isBusy: boolean;
}

/** Returns how to call. What pages have read is read again afterwards. */
export function useCall(): Call {
  const queries = useQueryClient();
  const [error, setError] = useState<unknown>();
  const [isBusy, setIsBusy] = useState(false);
  const run: Call["run"] = async (call) => {
    if (isBusy) return undefined;
    setIsBusy(true);
    setError(undefined);
    try {
      return await call();
    } catch (refused) {
      setError(refused);
      return undefined;
    } finally {
      setIsBusy(false);
      // Also without an answer: it may be done.
      void queries.invalidateQueries();
    }
  };
  return { run, error, isBusy };
}
