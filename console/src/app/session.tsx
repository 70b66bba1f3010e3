/** The signed-in caller, in memory only: a credential, what it may do, and the transport that sends it. */
import { type Client, createClient, type Transport } from "@connectrpc/connect";
import { TransportProvider } from "@connectrpc/connect-query";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { createContext, type ReactNode, useCallback, useContext, useEffect, useMemo, useRef, useState } from "react";
import { AdminService, type WhoAmIResponse } from "../../../gen/lockkeeper/admin/v1/admin_service_pb.ts";
import { STALE_MS } from "../live/lists.ts";
import { T } from "../texts/texts.ts";
import { isCredentialRefused } from "../wire/failure.ts";
import { millisOf, now, TIMER_MS_MAX } from "../wire/time.ts";
import { createTransport } from "../wire/transport.ts";
import type { Permission } from "./permissions.ts";

/** How the caller signed in: a pasted API key, or a token of an issuer. */
export interface Credential {
  readonly kind: "key" | "token";
  readonly secret: string;
}

/** The caller of this page. */
export interface Session {
  readonly who: WhoAmIResponse;
  readonly transport: Transport;
  /** Returns whether the caller has a permission. */
  readonly may: (permission: Permission) => boolean;
  /** Returns the sentence that says which permission is missing; undefined if the caller has it. */
  readonly missing: (permission: Permission) => string | undefined;
  readonly signOut: () => void;
  /** Aborts when the session ends. */
  readonly signal: AbortSignal;
}

/** What the page can do while nobody is signed in. */
export interface SignIn {
  /** Signs in. Rejects with the service's error if it refuses the credential. */
  readonly signIn: (credential: Credential) => Promise<void>;
  /** Why the last session ended by itself; undefined if it did not. */
  readonly ended: string | undefined;
}

const SessionContext = createContext<Session | undefined>(undefined);

/** Returns the caller. Throws outside of the pages that only a signed-in caller sees. */
export function useSession(): Session {
  const session = useContext(SessionContext);
  if (session === undefined) throw new Error("useSession: nobody is signed in here");
  return session;
}

/** Shows `children` to a signed-in caller, and `signedOut` to everybody else. */
export function SessionProvider({
  signedOut,
  children,
}: {
  readonly signedOut: (signIn: SignIn) => ReactNode;
  readonly children: ReactNode;
}): ReactNode {
  const [session, setSession] = useState<OpenSession>();
  const [ended, setEnded] = useState<string>();
  const current = useRef<Transport>(undefined);
  const signOut = useCallback((why?: string) => {
    current.current = undefined;
    setSession(undefined);
    setEnded(why);
  }, []);
  const signIn = useCallback(
    async (credential: Credential) => {
      const transport = createTransport(credential.secret, (error) => {
        // Not while signing in, nor by a late answer to a caller who has left.
        if (isCredentialRefused(error) && current.current === transport) signOut(T.signIn.ended);
      });
      const admin: Client<typeof AdminService> = createClient(AdminService, transport);
      const who = await admin.whoAmI({});
      current.current = transport;
      setSession(createSession(who, transport, () => signOut()));
      setEnded(undefined);
    },
    [signOut],
  );
  useEffect(() => {
    const { expireTime, serverTime } = session?.who ?? {};
    const left = (millisOf(expireTime) ?? Number.POSITIVE_INFINITY) - (millisOf(serverTime) ?? now());
    if (left > TIMER_MS_MAX) return;
    const timer = setTimeout(() => signOut(T.signIn.ended), left);
    return () => clearTimeout(timer);
  }, [session, signOut]);
  if (session === undefined) return signedOut({ signIn, ended });
  return <SignedIn session={session}>{children}</SignedIn>;
}

/** A session that can be ended. */
interface OpenSession extends Session {
  readonly end: () => void;
}

function SignedIn({ session, children }: { readonly session: OpenSession; readonly children: ReactNode }): ReactNode {
  useEffect(() => session.end, [session]);
  // One per caller: the next one must not see what this one may.
  const queries = useMemo(createQueryClient, []);
  return (
    <SessionContext value={session}>
      <TransportProvider transport={session.transport}>
        <QueryClientProvider client={queries}>{children}</QueryClientProvider>
      </TransportProvider>
    </SessionContext>
  );
}

function createQueryClient(): QueryClient {
  return new QueryClient({ defaultOptions: { queries: { retry: false, staleTime: STALE_MS } } });
}

function createSession(who: WhoAmIResponse, transport: Transport, signOut: () => void): OpenSession {
  const end = new AbortController();
  const permissions = new Set(who.permissions);
  const may = (permission: Permission): boolean => permissions.has(permission);
  return {
    who,
    transport,
    may,
    missing: (permission) => (may(permission) ? undefined : T.missingPermission(permission)),
    signOut,
    signal: end.signal,
    end: () => end.abort(),
  };
}
