/** Reads again what a page shows, not more often than is of use. */
import { type Query, type QueryClient, useQueryClient } from "@tanstack/react-query";
import { useCallback, useEffect, useRef } from "react";

/**
 * Reads again what is shown of some queries; absent: of all. Resolves when it is read. A first read that is under way may
 * have been answered before the change: it is shown, and then read again.
 */
export async function readAgain(queries: QueryClient, isMeant: (query: Query) => boolean = () => true): Promise<void> {
  const firstReads = queries.getQueryCache().findAll({
    fetchStatus: "fetching",
    predicate: (query) => query.state.data === undefined && isMeant(query),
  });
  await queries.invalidateQueries({ predicate: isMeant });
  if (firstReads.length > 0) await queries.invalidateQueries({ predicate: (query) => firstReads.includes(query) });
}

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
      void readAgain(queries, ({ queryKey }) => isOfServices(queryKey, services));
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
