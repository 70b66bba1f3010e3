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
/** A reading that takes longer may be lost: what happens next takes its place. */
const READING_MS_MAX = 3_000;

/**
 * Returns a function that reads again what the page shows of the named services, such as
 * `lockkeeper.user.v1.UserService`: at once, and then at most once in a moment. A reading under way is waited for: a query
 * does what it is asked last, and among many changes the page would show none.
 */
export function useReadAgain(services: readonly string[]): () => void {
  const queries = useQueryClient();
  const isReading = useRef<boolean>(false);
  const asked = useRef(0);
  const isGone = useRef<boolean>(false);
  useEffect(
    () => () => {
      isGone.current = true;
    },
    [],
  );
  return useCallback(() => {
    const read = async (): Promise<void> => {
      for (let answered = 0; asked.current !== answered && !isGone.current; ) {
        answered = asked.current;
        const reading = readAgain(queries, ({ queryKey }) => isOfServices(queryKey, services));
        await Promise.all([pause(QUIET_MS), Promise.race([reading, pause(READING_MS_MAX)])]);
      }
      isReading.current = false;
    };
    asked.current++;
    if (isReading.current) return;
    isReading.current = true;
    void read();
  }, [queries, services]);
}

async function pause(milliseconds: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, milliseconds));
}

/** Returns whether a query is about one of the services, which the keys of connect-query name. */
export function isOfServices(key: readonly unknown[], services: readonly string[]): boolean {
  const [source, of] = key as readonly [string, { readonly serviceName?: string } | undefined];
  return source === "connect-query" && services.includes(of?.serviceName ?? "");
}
