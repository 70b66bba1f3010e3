/** A list of users, read a page at a time. */
import { useInfiniteQuery } from "@connectrpc/connect-query";
import { useEffect } from "react";
import type { User } from "../../../../gen/lockkeeper/user/v1/user_pb.ts";
import { type ListUsersRequest, UserService } from "../../../../gen/lockkeeper/user/v1/user_service_pb.ts";
import { PAGED, useList } from "../../live/lists.ts";
import type { More } from "../../parts/table.tsx";

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
  const query = useInfiniteQuery(UserService.method.listUsers, request, PAGED);
  const { data, error, isPending, hasNextPage, isFetching, isFetchNextPageError, fetchNextPage } = query;
  const { rows: users, more } = useList(query, data?.pages.flatMap((page) => page.users) ?? []);
  const isStillLooking = users.length < atLeast && hasNextPage;
  useEffect(() => {
    if (isStillLooking && !isFetching && error === null) void fetchNextPage();
  }, [isStillLooking, isFetching, error, fetchNextPage]);
  const isLoading = isPending || isStillLooking;
  const isShown = isFetchNextPageError && !isStillLooking;
  return { users, error: isShown ? null : error, isLoading, more, refetch: more.lookAgain };
}
