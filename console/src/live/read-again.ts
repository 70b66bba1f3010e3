/** Reads again what a page shows, not more often than is of use. */
import { useQueryClient } from "@tanstack/react-query";
import { useCallback, useEffect, useRef } from "react";

/** Many events in a row lead to a few reads. */
const QUIET_MS = 200;

/**
 * Returns a function that reads again what the page shows of the named services, such as
 * `lockkeeper.user.v1.UserService`: at once, and then at most once in a moment.
 */
export function useReadAgain(services: readonly string[]): () => void {
  const queries = useQueryClient();
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const asked = useRef(0);
  useEffect(() => () => clearTimeout(timer.current), []);
  return useCallback(() => {
    const read = (): void => {
      const answered = asked.current;
      timer.current = setTimeout(() => {
        timer.current = undefined;
        if (asked.current !== answered) read();
      }, QUIET_MS);
      void queries.invalidateQueries({ predicate: ({ queryKey }) => isOfServices(queryKey, services) });
    };
    asked.current++;
    if (timer.current === undefined) read();
  }, [queries, services]);
}

/** Returns whether a query is about one of the services, which the keys of connect-query name. */
export function isOfServices(key: readonly unknown[], services: readonly string[]): boolean {
  const [source, of] = key as readonly [string, { readonly serviceName?: string } | undefined];
  return source === "connect-query" && services.includes(of?.serviceName ?? "");
}
