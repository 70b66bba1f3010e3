/** A list of users, read a page at a time. */
import { useInfiniteQuery } from "@connectrpc/connect-query";
import { useEffect } from "react";
import type { User } from "../../../../gen/lockkeeper/user/v1/user_pb.ts";
import { type ListUsersRequest, UserService } from "../../../../gen/lockkeeper/user/v1/user_service_pb.ts";
import type { More } from "../../parts/table.tsx";

export interface UserList {
  readonly users: readonly User[];
  readonly error: Error | null;
  /** Whether too few users are read to show any. */
  readonly isLoading: boolean;
  readonly more: More;
  readonly refetch: () => unknown;
}

/**
 * Reads users. A page may be short or empty without being the last, since the service stops looking after a while; so it
 * asks on until there are `atLeast` users, or no more.
 */
export function useUserList(request: ListUsersRequest, atLeast = 1): UserList {
  const query = useInfiniteQuery(UserService.method.listUsers, request, {
    pageParamKey: "pageToken",
    getNextPageParam: ({ nextPageToken }) => nextPageToken || undefined,
  });
  const { data, error, isPending, hasNextPage, isFetchingNextPage, fetchNextPage, refetch } = query;
  const users = data?.pages.flatMap((page) => page.users) ?? [];
  const isStillLooking = users.length < atLeast && hasNextPage;
  useEffect(() => {
    if (isStillLooking && !isFetchingNextPage && error === null) void fetchNextPage();
  }, [isStillLooking, isFetchingNextPage, error, fetchNextPage]);
  const isLoading = isPending || isStillLooking;
  return { users, error, isLoading, more: { hasNextPage, isFetchingNextPage, fetchNextPage }, refetch };
}
