/** What the transport is given to serve: protobuf services with their handlers and wire options, and plain HTTP. */

import type { IncomingMessage, ServerResponse } from "node:http";
import type { Http2ServerRequest, Http2ServerResponse } from "node:http2";
import type { DescMessage, DescMethod, DescService, Message, MessageShape } from "@bufbuild/protobuf";
import type { RestPolicy } from "../transcoding/policy.ts";

/** How a call reached the service. `grpc-web` stands for the binary and the text form. */
export type Wire = "grpc" | "grpc-web" | "connect" | "rest";

/** What is known of a call before its body is read. */
export interface CallHead {
  /** Unique per call; made by the transport from the ids it was handed. */
  readonly id: string;
  readonly wire: Wire;
  readonly method: DescMethod;
  readonly header: Headers;
  /** The peer's IP address. */
  readonly remoteAddress: string;
}

/** A call as its handler sees it. Handlers know no wire: `wire` is for the record only. */
export interface Call<A = unknown> extends CallHead {
  /** What `admit` answered for this call. */
  readonly admission: A;
  /** When the caller stops waiting, in milliseconds since the epoch by the process's clock. Absent: never. */
  readonly deadlineTime: number | undefined;
  /** Aborts when the caller goes away, its deadline passes or the service stops. Made only when asked for. */
  readonly signal: AbortSignal;
  /** Headers to send with the answer. */
  readonly responseHeader: Headers;
}

export type UnaryHandler<I extends DescMessage, O extends DescMessage, A> = (
  request: MessageShape<I>,
  call: Call<A>,
) => Promise<MessageShape<O>>;

export type ServerStreamHandler<I extends DescMessage, O extends DescMessage, A> = (
  request: MessageShape<I>,
  call: Call<A>,
) => AsyncIterable<MessageShape<O>>;

/** Bidirectional streams (server reflection needs them); gRPC over HTTP/2 only. */
export type BidiStreamHandler<I extends DescMessage, O extends DescMessage, A> = (
  requests: AsyncIterable<MessageShape<I>>,
  call: Call<A>,
) => AsyncIterable<MessageShape<O>>;

/** The handlers of a service by their local names (`lockUser`). A method without one answers UNIMPLEMENTED. */
export type Handlers<S extends DescService, A = unknown> = {
  readonly [M in keyof S["method"]]?: S["method"][M]["methodKind"] extends "unary"
    ? UnaryHandler<S["method"][M]["input"], S["method"][M]["output"], A>
    : S["method"][M]["methodKind"] extends "server_streaming"
      ? ServerStreamHandler<S["method"][M]["input"], S["method"][M]["output"], A>
      : BidiStreamHandler<S["method"][M]["input"], S["method"][M]["output"], A>;
};

/**
 * Decides before the body is read whether a call may go on. Answers what the handler will find in `call.admission`;
 * throws a ConnectError to refuse.
 */
export type Admit<A> = (head: CallHead) => A | Promise<A>;

/** The policies of one mount. */
export interface MountOptions<A> {
  readonly admit: Admit<A>;
  /** The REST side. Absent: the service has no REST paths, even where its methods carry http rules. */
  readonly rest?: RestPolicy;
  /** Only these methods, by local name, are served on any wire. Absent: all. */
  readonly methods?: readonly string[];
  /** Unknown members of Connect JSON bodies. */
  readonly unknownFields: "refuse" | "ignore";
  /** The largest request body in bytes, by local method name; others have the transport's limit. */
  readonly bodyBytesMax?: Readonly<Record<string, number>>;
}

/** A service with its handlers, hung on the transport. */
export interface Mount<A = unknown> {
  readonly service: DescService;
  readonly handlers: Readonly<Record<string, AnyHandler<A> | undefined>>;
  readonly options: MountOptions<A>;
}

/** A handler whose message types are not known at compile time. */
export type AnyHandler<A> = (request: never, call: Call<A>) => Promise<Message> | AsyncIterable<Message>;

export type HttpRequest = IncomingMessage | Http2ServerRequest;
export type HttpResponse = ServerResponse | Http2ServerResponse;

/** Serves what is not protobuf: every path that is the prefix or lies below it. */
export interface HttpMount {
  readonly prefix: string;
  readonly handler: (request: HttpRequest, response: HttpResponse) => void | Promise<void>;
}

/** Hangs a service on the transport. Throws when a handler names no method of the service. */
export function mount<S extends DescService, A>(
  service: S,
  handlers: Handlers<S, A>,
  options: MountOptions<A>,
): Mount<A> {
  for (const name of Object.keys(handlers)) {
    if (service.method[name] === undefined) {
      throw new Error(
        `mount: ${service.typeName} has no method ${name}; it has ${Object.keys(service.method).join(", ")}`,
      );
    }
  }
  return { service, handlers: handlers as Mount<A>["handlers"], options };
}

/** Hangs a plain HTTP handler on the transport. */
export function mountHttp(prefix: string, handler: HttpMount["handler"]): HttpMount {
  return { prefix, handler };
}
