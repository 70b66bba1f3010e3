/** Lists that are read a page at a time: a short one is read again after a change, a long one stays as it was read and says so. */
import { type InfiniteData, type Query, type QueryClient, useQueryClient } from "@tanstack/react-query";
import { useCallback, useRef } from "react";
import type { ApiKey } from "../../../gen/lockkeeper/apikey/v1/api_key_service_pb.ts";
import type { Organization } from "../../../gen/lockkeeper/organization/v1/organization_service_pb.ts";
import type { Session } from "../../../gen/lockkeeper/session/v1/session_service_pb.ts";
import type { User } from "../../../gen/lockkeeper/user/v1/user_pb.ts";
import type { More } from "../parts/table.tsx";
import { isOfServices } from "./read-again.ts";

/** Pages are read one after the other, so no more than these are read again at once. */
const PAGES_READ_AGAIN_MAX = 4;
/** In milliseconds: what is younger is not read again when somebody comes back to it. */
export const STALE_MS = 5_000;

/** `hasChanged` is of the first page: further pages leave it there, and reading the list again takes it away. */
type Pages = InfiniteData<{ readonly hasChanged?: boolean }>;

/** A row of a list. */
export type Row = ApiKey | Organization | Session | User;

/** The options of every list that is read a page at a time. */
export const PAGED = {
  pageParamKey: "pageToken",
  getNextPageParam: ({ nextPageToken }: { readonly nextPageToken: string }): string | undefined =>
    nextPageToken || undefined,
  staleTime: ({ state: { data } }: { readonly state: { readonly data: unknown } }): number | "static" =>
    isLong(data) ? "static" : STALE_MS,
} as const;

/** Returns whether what a query has read is a list that is too long to be read again unasked. */
function isLong(data: unknown): boolean {
  const pages = (data as Partial<Pages> | undefined)?.pages;
  return Array.isArray(pages) && pages.length > PAGES_READ_AGAIN_MAX;
}

/** Cuts long lists to their tops, to be read again: what was below is read as somebody goes on. */
export function cutToTop(queries: QueryClient, isMeant: (query: Query) => boolean): void {
  changeLong(queries, isMeant, ({ pages, pageParams }) => ({
    pages: pages.slice(0, PAGES_READ_AGAIN_MAX),
    pageParams: pageParams.slice(0, PAGES_READ_AGAIN_MAX),
  }));
}

/** Lets the long lists of a service say that they may have changed since they were read. */
export function tellChange(queries: QueryClient, service: string): void {
  const isMeant = ({ queryKey }: Query): boolean => isOfServices(queryKey, [service]);
  const tell = (): void =>
    changeLong(queries, isMeant, ({ pages: [first, ...rest], pageParams }) => ({
      pages: [{ ...first, hasChanged: true }, ...rest],
      pageParams,
    }));
  tell();
  // A page that is under way is added to the pages as they were when it was asked for.
  const underWay = queries.getQueryCache().findAll({ predicate: isMeant, fetchStatus: "fetching" });
  for (const { promise } of underWay) promise?.then(tell, () => undefined);
}

function changeLong(queries: QueryClient, isMeant: (query: Query) => boolean, change: (read: Pages) => Pages): void {
  queries.setQueriesData<Pages>(
    { predicate: (query) => isLong(query.state.data) && isMeant(query) },
    (read) => read && change(read),
  );
}

/** What each caller's page learned of single rows last. */
const KNOWN = new WeakMap<QueryClient, Map<string, Row>>();

/** Remembers a row as an answer has it: no list shows it as it was before. */
export function know(queries: QueryClient, row: Row): void {
  const known = KNOWN.get(queries) ?? new Map<string, Row>();
  KNOWN.set(queries, known.set(keyOf(row), row));
}

function keyOf(row: Row): string {
  switch (row.$typeName) {
    case "lockkeeper.apikey.v1.ApiKey":
      return `key ${row.apiKeyId}`;
    case "lockkeeper.organization.v1.Organization":
      return `organization ${row.organizationId}`;
    case "lockkeeper.session.v1.Session":
      return `session ${row.sessionId}`;
    case "lockkeeper.user.v1.User":
      return `user ${row.userId}`;
  }
}

function sequenceOf({ details }: Row): bigint {
  return details?.sequence ?? 0n;
}

/** What an infinite query has read. */
interface ReadPages {
  readonly data: { readonly pages: readonly object[] } | undefined;
  readonly hasNextPage: boolean;
  readonly isError: boolean;
}

/** The part of an infinite query that reads on. */
interface Reader extends ReadPages {
  readonly refetch: (options?: { readonly cancelRefetch: boolean }) => Promise<Pick<ReadPages, "data" | "isError">>;
  readonly fetchNextPage: () => Promise<ReadPages>;
}

/** The part of an infinite query with `PAGED` that a list needs. */
interface PagedQuery extends Omit<More, "hasChanged" | "isReading" | "lookAgain" | "fetchNextPage">, Reader {
  readonly isFetching: boolean;
}

/**
 * Returns how to read the next page of a list, the same function each time. A query does one thing at a time, and what it is
 * asked last: a next page would take the place of a reading after a change, which would not be seen, and such a reading that
 * of the page that somebody asked for. So the page waits for a reading, and comes after one that took its place.
 */
export function useNextPage(reader: Reader): () => Promise<void> {
  const queries = useQueryClient();
  const latest = useRef(reader);
  latest.current = reader;
  return useCallback(async () => {
    const { data, refetch, fetchNextPage } = latest.current;
    const isUnderWay = queries.isFetching({ predicate: ({ state }) => state.data === data }) > 0;
    const isMissing = (read: Pick<ReadPages, "data" | "isError">): boolean =>
      !read.isError && read.data?.pages.length === data?.pages.length;
    if (isUnderWay && !isMissing(await refetch({ cancelRefetch: false }))) return;
    for (let read = await fetchNextPage(); isMissing(read) && read.hasNextPage; ) read = await fetchNextPage();
  }, [queries]);
}

export interface List<R> {
  /** As they were read, or as the page has learned since. */
  readonly rows: readonly R[];
  readonly more: More;
}

/** Returns a list for its table. `read`: the rows of all pages. */
export function useList<R extends Row>(query: PagedQuery, read: readonly R[]): List<R> {
  const queries = useQueryClient();
  const fetchNextPage = useNextPage(query);
  const { data, hasNextPage, isFetching, isFetchingNextPage, isFetchNextPageError, error, refetch } = query;
  const known = KNOWN.get(queries);
  const rows = read.map((row) => {
    const other = known?.get(keyOf(row)) as R | undefined;
    return other !== undefined && sequenceOf(other) > sequenceOf(row) ? other : row;
  });
  const hasNews = isLong(data) && rows.some((row, index) => row !== read[index]);
  return {
    rows,
    more: {
      hasNextPage,
      isFetchingNextPage,
      isFetchNextPageError,
      error,
      fetchNextPage,
      hasChanged: hasNews || (data as Pages | undefined)?.pages[0]?.hasChanged === true,
      isReading: isFetching && !isFetchingNextPage,
      lookAgain: async () => {
        cutToTop(queries, ({ state }) => state.data === data);
        await refetch();
      },
    },
  };
}
