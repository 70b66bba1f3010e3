/** One act on many users: a call for each, a few at once, with progress, a way to stop, and what failed. */
import { createClient, type Transport } from "@connectrpc/connect";
import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import type { User } from "../../../../gen/lockkeeper/user/v1/user_pb.ts";
import { UserService } from "../../../../gen/lockkeeper/user/v1/user_service_pb.ts";
import { useSession } from "../../app/session.tsx";
import { know, tellChange } from "../../live/lists.ts";
import { readAgain } from "../../live/read-again.ts";
import { toFailure } from "../../wire/failure.ts";
import { newRequestId } from "../../wire/request-id.ts";
import type { ActDraft } from "../user/act-draft.ts";
import { type ActName, actsFor } from "../user/acts.ts";
import { callAct } from "../user/use-act.ts";

/** The calls that are under way at once. A browser has six connections to a service without TLS. */
const AT_ONCE = 4;

export interface Refused {
  readonly user: User;
  readonly error: unknown;
}

/** How far it is. */
export interface BulkProgress {
  readonly phase: "deciding" | "running" | "over";
  readonly done: readonly User[];
  readonly failed: readonly Refused[];
  /** Those whose turn has not come. */
  readonly waiting: readonly User[];
}

export interface Bulk extends BulkProgress {
  /** Begins, or begins again with those that failed or were not reached. */
  readonly run: (draft: ActDraft) => Promise<void>;
  /** Lets no further call begin. */
  readonly stop: () => void;
}

/** Returns the act on `users` as it proceeds. It stops when the caller of this hook is gone. */
export function useBulk(act: ActName, users: readonly User[]): Bulk {
  const { transport } = useSession();
  const queries = useQueryClient();
  const [progress, setProgress] = useState<BulkProgress>({ phase: "deciding", done: [], failed: [], waiting: users });
  const stopping = useRef(new AbortController());
  const stop = (): void => stopping.current.abort();
  useEffect(() => () => stopping.current.abort(), []);
  const run = async (draft: ActDraft): Promise<void> => {
    stopping.current = new AbortController();
    const { signal } = stopping.current;
    const waiting = [...progress.failed.map(({ user }) => user), ...progress.waiting];
    const again = new Set(progress.failed.filter(({ error }) => isStale(error)).map(({ user }) => user.userId));
    const done = [...progress.done];
    const failed: Refused[] = [];
    const changed: User[] = [];
    const tell = (phase: BulkProgress["phase"]): void =>
      setProgress({ phase, done: [...done], failed: [...failed], waiting: [...waiting] });
    const work = async (): Promise<void> => {
      for (let user = waiting.shift(); user !== undefined; user = waiting.shift()) {
        try {
          const now = again.has(user.userId) ? await readUser(transport, user) : user;
          // Somebody else may have lifted it: then there is nothing to do.
          const after = actsFor(now).includes(act)
            ? await callAct(transport, act, now, draft, { validateOnly: false, requestId: requestIdOf(now) })
            : now;
          changed.push(after ?? now);
          done.push(now);
        } catch (error) {
          failed.push({ user, error });
        }
        tell("running");
        if (signal.aborted) return;
      }
    };
    tell("running");
    await Promise.all(Array.from({ length: AT_ONCE }, work));
    tell("over");
    for (const user of changed) know(queries, user);
    tellChange(queries, UserService.typeName);
    await readAgain(queries);
  };
  // A repetition after a lost answer does nothing twice; a user that was changed since is another request.
  const requestIds = useRef(new Map<string, string>());
  const requestIdOf = ({ userId, details }: User): string => {
    const key = `${details?.sequence} ${userId}`;
    const id = requestIds.current.get(key) ?? newRequestId();
    requestIds.current.set(key, id);
    return id;
  };
  return { ...progress, run, stop };
}

/** Returns whether a call was refused because somebody else changed the user. */
export function isStale(error: unknown): boolean {
  return toFailure(error).reason === "SEQUENCE_MISMATCH";
}

async function readUser(transport: Transport, user: User): Promise<User> {
  return (await createClient(UserService, transport).getUser({ userId: user.userId })).user ?? user;
}
