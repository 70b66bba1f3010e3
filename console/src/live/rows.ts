/** Lists that are read a page at a time: short ones are read again after a change, long ones stay as somebody scrolled them. */
import type { InfiniteData, Query, QueryClient } from "@tanstack/react-query";
import type { ApiKey } from "../../../gen/lockkeeper/apikey/v1/api_key_service_pb.ts";
import type { Organization } from "../../../gen/lockkeeper/organization/v1/organization_service_pb.ts";
import type { Session } from "../../../gen/lockkeeper/session/v1/session_service_pb.ts";
import type { User } from "../../../gen/lockkeeper/user/v1/user_pb.ts";
import { isOfServices } from "./read-again.ts";

/** Pages are read one after the other, so no more than these are read again at once. */
export const PAGES_READ_AGAIN_MAX = 4;
/** In milliseconds: what is younger is not read again when somebody comes back to it. */
export const STALE_MS = 5_000;

type Page = Readonly<Record<string, unknown>>;
type Pages = InfiniteData<Page>;

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

/** Cuts long lists of a service to their tops, to be read again: what was below is read as somebody goes on. */
export function cutToTop(queries: QueryClient, service: string): void {
  for (const { queryKey, pages, pageParams } of longLists(queries, service)) {
    const cut = { pages: pages.slice(0, PAGES_READ_AGAIN_MAX), pageParams: pageParams.slice(0, PAGES_READ_AGAIN_MAX) };
    queries.setQueryData<Pages>(queryKey, cut);
  }
}

/**
 * Puts a row that has changed into its place in every long list; out of those that are of other rows, as `meta.has` of the
 * list says. A new key or organization comes to the top.
 */
export function putRow(queries: QueryClient, row: Row): void {
  const id = idOf(row);
  for (const { query, queryKey, pages, pageParams, has } of longLists(queries)) {
    // A page that is under way is added to the rows as they were when it was asked for.
    if (query.state.fetchStatus === "fetching") query.promise?.then(() => putRow(queries, row)).catch(() => undefined);
    let isFound = false;
    const next = pages.map((page) =>
      withRows(page, row.$typeName, (rows) => {
        if (!rows.some((each) => idOf(each) === id)) return rows;
        isFound = true;
        // Asked here only: a list of other rows cannot tell.
        const stays = has?.(row) ?? true;
        return rows.flatMap((each) => (idOf(each) !== id ? [each] : stays ? [row] : []));
      }),
    );
    const isNew = !isFound && UNFILTERED.has(row.$typeName);
    const [first = {}, ...rest] = next;
    const whole = isNew ? [withRows(first, row.$typeName, (rows) => [row, ...rows]), ...rest] : next;
    if (whole.some((page, index) => page !== pages[index])) {
      queries.setQueryData<Pages>(queryKey, { pages: whole, pageParams });
    }
  }
}

/** Returns whether a list of a service is long. */
export function isAnyLong(queries: QueryClient, service: string): boolean {
  return longLists(queries, service).length > 0;
}

interface LongList extends Pages {
  readonly query: Query;
  readonly queryKey: readonly unknown[];
  readonly has: ((row: Row) => boolean) | undefined;
}

function longLists(queries: QueryClient, service?: string): readonly LongList[] {
  const isMeant = ({ queryKey, state }: Query): boolean =>
    isLong(state.data) && (service === undefined || isOfServices(queryKey, [service]));
  return queries
    .getQueryCache()
    .findAll({ predicate: isMeant })
    .map((query) => ({
      ...(query.state.data as Pages),
      query,
      queryKey: query.queryKey,
      has: query.meta?.has as LongList["has"],
    }));
}

/** Lists of these have no filter, so that each of them has every row. */
const UNFILTERED: ReadonlySet<string> = new Set([
  "lockkeeper.apikey.v1.ApiKey",
  "lockkeeper.organization.v1.Organization",
]);

function idOf(row: Row): string {
  switch (row.$typeName) {
    case "lockkeeper.apikey.v1.ApiKey":
      return row.apiKeyId;
    case "lockkeeper.organization.v1.Organization":
      return row.organizationId;
    case "lockkeeper.session.v1.Session":
      return row.sessionId;
    case "lockkeeper.user.v1.User":
      return row.userId;
  }
}

/** Returns the page with other rows of a type; the same page if they stay the same. */
function withRows(page: Page, type: Row["$typeName"], change: (rows: readonly Row[]) => readonly Row[]): Page {
  for (const [name, rows] of Object.entries(page)) {
    if (!Array.isArray(rows) || (rows[0] as Partial<Row> | undefined)?.$typeName !== type) continue;
    const changed = change(rows as readonly Row[]);
    if (changed !== rows) return { ...page, [name]: changed };
  }
  return page;
}
