/** A call as a handler sees it. The transport's call has this shape; handlers know no wire. */
import type { DescMethod, DescService, Message, MessageShape } from "@bufbuild/protobuf";
import type { Admission } from "../auth/admission.ts";

export type { Admission };

export interface ServiceCall {
  /** Unique for each call. */
  readonly id: string;
  readonly method: DescMethod;
  /** The wire of the call; only recorded. */
  readonly wire: string;
  readonly admission: Admission;
  /** When the caller stops waiting, in milliseconds since the epoch; `undefined`: never. */
  readonly deadlineTime: number | undefined;
  /** Aborts when nobody waits for the answer any more; created on first use. */
  readonly signal: AbortSignal;
  /** Await this before a step that takes milliseconds: other calls run first. `undefined`: continue at once. */
  takeTurn(): Promise<void> | undefined;
  /** Ends the answer without its rest: for a stream that has to end although its caller reads nothing. */
  breakOff(): void;
  /** Names the error of the record of a call whose caller goes away before an error can be sent to it. The first one stays. */
  noteEnd(error: unknown): void;
  /**
   * Sends the next message of a stream at once, past its generator, which must wait for something else meanwhile. Returns
   * false if that is not possible now: then yield it.
   */
  sendNow(message: Message): boolean;
  /** Whether the next message of a stream would not wait behind others that the connection has not taken. */
  readonly isWritable: boolean;
  /** Resolves when `isWritable`; rejects when the client is gone. `undefined`: it is now. */
  untilWritable(): Promise<void> | undefined;
}

/** One function for each RPC, unary or server-streaming, under the method's local name. */
export type ServiceHandlers<S extends DescService> = {
  readonly [M in keyof S["method"]]: (
    request: MessageShape<S["method"][M]["input"]>,
    call: ServiceCall,
  ) => S["method"][M]["methodKind"] extends "unary"
    ? Promise<MessageShape<S["method"][M]["output"]>>
    : AsyncIterable<MessageShape<S["method"][M]["output"]>>;
};
