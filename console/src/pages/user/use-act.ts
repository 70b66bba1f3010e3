/** Performs an act, and asks beforehand what it would do. */
import { createClient, type Transport } from "@connectrpc/connect";
import { useQuery as usePlainQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import { SessionService } from "../../../../gen/lockkeeper/session/v1/session_service_pb.ts";
import type { User } from "../../../../gen/lockkeeper/user/v1/user_pb.ts";
import { UserService } from "../../../../gen/lockkeeper/user/v1/user_service_pb.ts";
import { useSession } from "../../app/session.tsx";
import { cutToTop, know, tellChange } from "../../live/lists.ts";
import { isOfServices, readAgain } from "../../live/read-again.ts";
import { toFailure } from "../../wire/failure.ts";
import { newRequestId } from "../../wire/request-id.ts";
import { type ActDraft, requestOf } from "./act-draft.ts";
import { ACTS, type ActName, RPC_OF } from "./acts.ts";

/** While somebody types, the service is not asked for each key. */
const QUIET_MS = 250;

/** A preview without an answer is asked for again after this time. */
const AGAIN_MS = 3_000;

export interface ActCalls {
  readonly preview: { readonly user: User | undefined; readonly error: Error | null; readonly isPending: boolean };
  readonly perform: {
    /** Resolves to whether it was done. */
    readonly run: () => Promise<boolean>;
    readonly error: unknown;
    readonly isPending: boolean;
    /** Forgets the error. */
    readonly reset: () => void;
  };
}

interface CallOptions {
  readonly validateOnly: boolean;
  /** Empty: none. */
  readonly requestId: string;
}

/**
 * Performs an act on a user as the page shows it, and returns the user after it. Rejects with the service's error, with
 * SEQUENCE_MISMATCH if somebody else changed the user.
 */
export async function callAct(
  transport: Transport,
  act: ActName,
  user: User,
  draft: ActDraft,
  more: CallOptions,
): Promise<User | undefined> {
  const request = {
    userId: user.userId,
    ...(user.details !== undefined && { expectedSequence: user.details.sequence }),
    ...requestOf(act, draft),
    ...more,
  };
  // All acts answer with the user after them; their requests differ in what `requestOf` adds.
  const services = { ...createClient(UserService, transport), ...createClient(SessionService, transport) };
  const rpc = services[RPC_OF[act]] as unknown as (message: typeof request) => Promise<{ readonly user?: User }>;
  return (await rpc(request)).user;
}

/**
 * Returns the calls of a dialog. Both expect the user as the page shows it: if somebody else changed it, they are refused
 * with SEQUENCE_MISMATCH. `draft`: absent while it is not whole.
 */
export function useAct(act: ActName, user: User, draft: ActDraft | undefined): ActCalls {
  const { transport } = useSession();
  const queries = useQueryClient();
  const [error, setError] = useState<unknown>(null);
  const [isPending, setIsPending] = useState(false);
  const call = (chosen: ActDraft, more: CallOptions): Promise<User | undefined> =>
    callAct(transport, act, user, chosen, more);
  const settled = useSettled(draft);
  const preview = usePlainQuery({
    queryKey: [
      "preview",
      act,
      user.userId,
      String(user.details?.sequence),
      JSON.stringify({ ...settled, note: "", reasonCode: "" }),
    ],
    queryFn: async () => (settled && (await call(settled, { validateOnly: true, requestId: "" }))) ?? null,
    enabled: settled !== undefined,
    gcTime: 0,
    // A service that was away comes back while the dialog is open.
    refetchInterval: ({ state }) => state.error !== null && toFailure(state.error).isUnanswered && AGAIN_MS,
  });
  // One act has one id, so that a repetition after a lost answer does nothing twice; another draft is another act.
  const requestId = useRef({ of: "", id: "" });
  const run = async (): Promise<boolean> => {
    if (draft === undefined) return false;
    const content = JSON.stringify([act, draft, String(user.details?.sequence)]);
    if (requestId.current.of !== content) requestId.current = { of: content, id: newRequestId() };
    setIsPending(true);
    try {
      const after = await call(draft, { validateOnly: false, requestId: requestId.current.id });
      setError(null);
      if (after !== undefined) know(queries, after);
      tellChange(queries, UserService.typeName);
      // As they were read, all of them would look open.
      if (ACTS[act].endsSessions !== "no") {
        cutToTop(queries, ({ queryKey }) => isOfServices(queryKey, [SessionService.typeName]));
      }
      void readAgain(queries);
      return true;
    } catch (refused) {
      setError(refused);
      return false;
    } finally {
      setIsPending(false);
    }
  };
  return {
    preview: { user: preview.data ?? undefined, error: preview.error, isPending: preview.isFetching },
    perform: { run, error, isPending, reset: () => setError(null) },
  };
}

/** Returns a draft once nobody has changed it for a moment. */
function useSettled(draft: ActDraft | undefined): ActDraft | undefined {
  const [settled, setSettled] = useState(draft);
  const text = JSON.stringify(draft);
  // biome-ignore lint/correctness/useExhaustiveDependencies: a draft with the same content is the same.
  useEffect(() => {
    const timer = setTimeout(() => setSettled(draft), QUIET_MS);
    return () => clearTimeout(timer);
  }, [text]);
  return settled;
}
