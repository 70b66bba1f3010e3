/** A list of users, read a page at a time. */
import { useInfiniteQuery } from "@connectrpc/connect-query";
import { useQueryClient } from "@tanstack/react-query";
import { useEffect } from "react";
import type { User } from "../../../../gen/lockkeeper/user/v1/user_pb.ts";
import { type ListUsersRequest, UserService } from "../../../../gen/lockkeeper/user/v1/user_service_pb.ts";
import { cutToTop, PAGED } from "../../live/rows.ts";
import type { More } from "../../parts/table.tsx";
import { millisOf } from "../../wire/time.ts";

export interface UserList {
  readonly users: readonly User[];
  /** Why there is nothing to show; what becomes of further pages is in `more`. */
  readonly error: Error | null;
  /** Whether too few users are read to show any. */
  readonly isLoading: boolean;
  readonly more: More;
  /** Reads it again, from its top if it is long. */
  readonly refetch: () => unknown;
}

/**
 * Reads users. A page may be short or empty without being the last, since the service stops looking after a while; so it
 * asks on until there are `atLeast` users, or no more.
 */
export function useUserList(request: ListUsersRequest, atLeast = 1): UserList {
  const queries = useQueryClient();
  const query = useInfiniteQuery(UserService.method.listUsers, request, {
    ...PAGED,
    meta: { has: (user: User) => isOf(request, user) },
  });
  const { data, error, isPending, hasNextPage, isFetchingNextPage, isFetchNextPageError, fetchNextPage, refetch } =
    query;
  const users = data?.pages.flatMap((page) => page.users) ?? [];
  const isStillLooking = users.length < atLeast && hasNextPage;
  useEffect(() => {
    if (isStillLooking && !isFetchingNextPage && error === null) void fetchNextPage();
  }, [isStillLooking, isFetchingNextPage, error, fetchNextPage]);
  const isLoading = isPending || isStillLooking;
  const readAgain = async (): Promise<void> => {
    cutToTop(queries, UserService.typeName);
    await refetch();
  };
  const more = { hasNextPage, isFetchingNextPage, isFetchNextPageError, error, fetchNextPage };
  const isShown = isFetchNextPageError && !isStillLooking;
  return { users, error: isShown ? null : error, isLoading, more, refetch: readAgain };
}

/** Returns whether a list still has a user that has changed. */
function isOf({ states, reasonCodes, dueBefore }: ListUsersRequest, { state, restrictions }: User): boolean {
  const until = millisOf(dueBefore) ?? Number.POSITIVE_INFINITY;
  const isDue = restrictions.some(({ scheduled, startTime, expireTime }) => {
    const due = millisOf(scheduled === true ? startTime : expireTime);
    return due !== undefined && due < until;
  });
  if (dueBefore !== undefined && !isDue) return false;
  const isOfReason = restrictions.some(({ reasonCode }) => reasonCodes.includes(reasonCode));
  return (states.length === 0 || states.includes(state)) && (reasonCodes.length === 0 || isOfReason);
}
