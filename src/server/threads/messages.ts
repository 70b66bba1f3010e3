/** The messages between the main thread and a serving thread. */
import type { Socket } from "node:net";
import type { IssuerConfig } from "../../auth/oidc-config.ts";
import type { Config } from "../../config.ts";
import type { AttemptAnswer } from "../../domain/attempt.ts";
import type { Refusal } from "../../domain/refusal.ts";
import type { ThreadFigures } from "../../observability/metrics.ts";
import type { WaitingAttempt } from "../../service/operations/attempt-waiters.ts";
import type { StreamKind } from "../../service/stream-places.ts";
import type { ErrorData } from "../../store/error-data.ts";
import type { RemoteStoreData } from "../../store/remote/messages.ts";
import type { TlsOptions } from "../../transport/listen/listener.ts";

/** What a serving thread is started with. */
export interface ThreadData {
  readonly config: Config;
  readonly issuers: readonly IssuerConfig[];
  /** Undefined: the port serves cleartext. */
  readonly tls: TlsOptions | undefined;
  readonly store: RemoteStoreData;
  /** The memory of the main thread's SteadyClock. */
  readonly clock: SharedArrayBuffer;
  /** The memory of ConnectionTimes. */
  readonly times: SharedArrayBuffer;
  readonly serving: ServingState;
}

/** Whether the service is ready. `why`: one line if it is not. */
export interface ServingState {
  readonly serving: boolean;
  readonly why: string | undefined;
}

/** To a serving thread. `slot`: the place of a connection in ConnectionTimes. */
export type ToThread =
  | { readonly kind: "connection"; readonly socket: Socket; readonly slot: number }
  | { readonly kind: "close"; readonly slot: number }
  | ({ readonly kind: "serving" } & ServingState)
  | { readonly kind: "tls"; readonly tls: TlsOptions }
  | { readonly kind: "leave" }
  | { readonly kind: "finish"; readonly graceMs: number }
  | { readonly kind: "figures" }
  | ({ readonly kind: "answer"; readonly id: number } & Answer);

export type Answer = { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly error: ErrorData };

/** From a serving thread. */
export type FromThread =
  | { readonly kind: "ready" }
  | { readonly kind: "loaded" }
  | { readonly kind: "not loaded"; readonly cause: string }
  | { readonly kind: "closed"; readonly slot: number }
  | { readonly kind: "figures"; readonly figures: ThreadFigures; readonly requests: number }
  | { readonly kind: "finished" }
  | { readonly kind: "settled"; readonly answer: AttemptAnswer }
  /** Ends a list that has its place. */
  | { readonly kind: "end list"; readonly id: number }
  | { readonly kind: "cancel"; readonly id: number }
  | Ask;

/** A question to the main thread. */
export interface Ask<N extends AskName = AskName> {
  readonly kind: "ask";
  readonly id: number;
  readonly name: N;
  readonly parameters: Asks[N]["parameters"];
}

export type AskName = keyof Asks;

/** Where a list or a stream has its place. */
export type Lane = "lists" | StreamKind;

/** What the main thread decides for the process. */
export interface Asks {
  readonly countAddress: { readonly parameters: [address: string]; readonly answer: Refusal | undefined };
  readonly countCaller: { readonly parameters: [actorId: string]; readonly answer: Refusal | undefined };
  readonly countRefusal: {
    readonly parameters: [address: string, refusal: Refusal, isFailure: boolean];
    readonly answer: Refusal;
  };
  readonly charge: { readonly parameters: [address: string, bytes: number]; readonly answer: Refusal | undefined };
  readonly beginAttempt: {
    readonly parameters: [attempt: WaitingAttempt, deadlineTime: number | undefined];
    readonly answer: AttemptAnswer;
  };
  /** Answered when the list has a place, which it keeps until `end list`. */
  readonly beginList: {
    readonly parameters: [lane: Lane, actorId: string, scope: string | null];
    readonly answer: undefined;
  };
  /** Answered when the list may continue. `list`: the number of the question that began it. */
  readonly passList: { readonly parameters: [list: number]; readonly answer: undefined };
  readonly metrics: { readonly parameters: []; readonly answer: string };
}
