/** A call as a handler sees it. The transport's own call fits this shape; handlers know no wire. */
import type { DescMethod, DescService, MessageShape } from "@bufbuild/protobuf";
import type { Admission } from "../auth/admission.ts";

export type { Admission };

export interface ServiceCall {
  /** Unique per call. */
  readonly id: string;
  readonly method: DescMethod;
  /** How the call came in; for the record only. */
  readonly wire: string;
  readonly admission: Admission;
  /** When the caller stops waiting, in milliseconds since the epoch; `undefined`: never. */
  readonly deadlineTime: number | undefined;
  /** Aborts when nobody waits for the answer any more; made when it is asked for. */
  readonly signal: AbortSignal;
  /** Wait for it before a step that takes milliseconds: others have their turn first. `undefined`: go on at once. */
  takeTurn(): Promise<void> | undefined;
}

/** One function per RPC, unary or a server's stream, under the method's local name. */
export type ServiceHandlers<S extends DescService> = {
  readonly [M in keyof S["method"]]: (
    request: MessageShape<S["method"][M]["input"]>,
    call: ServiceCall,
  ) => S["method"][M]["methodKind"] extends "unary"
    ? Promise<MessageShape<S["method"][M]["output"]>>
    : AsyncIterable<MessageShape<S["method"][M]["output"]>>;
};
