/** What the transport is given to serve: protobuf services with their handlers and wire options, and plain HTTP. */

import type { DescMessage, DescMethod, DescService, JsonValue, Message, MessageShape } from "@bufbuild/protobuf";
import type { ConnectError } from "@connectrpc/connect";
import type { RestPolicy } from "../transcoding/policy.ts";

/** How a call reached the service. `grpc-web` stands for the binary and the text form. */
export type Wire = "grpc" | "grpc-web" | "connect" | "rest";

/** `http`: a plain mount's. */
export type RecordedWire = Wire | "http";

/** What is known of a call before its body is read. */
export interface CallHead {
  /** The caller's `x-request-id` where it is well formed, else made by the transport from the ids it was handed. */
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
  /** Headers to send with the answer, an error's too. Of a stream they are sent with its first message. */
  readonly responseHeader: Headers;
  /** Wait for it before a step that takes milliseconds: others have their turn first. `undefined`: go on at once. */
  takeTurn(): Promise<void> | undefined;
  /**
   * What is known only at the end, an error's too: trailers on gRPC, gRPC-Web and streams; headers that begin with
   * `trailer-` where the answer is one whole (unary calls of Connect and REST).
   */
  readonly responseTrailer: Headers;
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

/** Where an error was made. The method is absent where no method answers to the path. */
export interface FaultPlace {
  readonly method: DescMethod | undefined;
  readonly callId: string;
  /** Whether the caller reads and writes JSON. */
  readonly isJson?: boolean;
}

/** Adds details to an error, in place, before it is encoded. Called for every error, those of handlers included. */
export type DescribeError = (error: ConnectError, place: FaultPlace) => void;

/** The policies of one mount. */
export interface MountOptions<A> {
  readonly admit: Admit<A>;
  /** Whether an admission shows who the caller is. Absent: each does that is not `undefined`. */
  isAuthenticated?(admission: A): boolean;
  /** The REST side. Absent: the service has no REST paths, even where its methods carry http rules. */
  readonly rest?: RestPolicy;
  /** Only these methods, by local name, are served on any wire. Absent: all. */
  readonly methods?: readonly string[];
  /** Unknown members of Connect JSON bodies. */
  readonly unknownFields: "refuse" | "ignore";
  /** The largest request body in bytes, by local method name; others have the transport's limit. */
  readonly bodyBytesMax?: Readonly<Record<string, number>>;
  /** How many values a request may have, by local method name; others have the transport's limit. */
  readonly valuesMax?: Readonly<Record<string, number>>;
  /** In the place of the transport's own for the calls of this mount. */
  readonly describeError?: DescribeError;
}

/** A service with its handlers, hung on the transport. */
export interface Mount<A = unknown> {
  readonly service: DescService;
  readonly handlers: Readonly<Record<string, AnyHandler<A> | undefined>>;
  readonly options: MountOptions<A>;
}

/** A handler whose message types are not known at compile time. */
export type AnyHandler<A> = (request: never, call: Call<A>) => Promise<Message> | AsyncIterable<Message>;

/** A request to a plain mount, as its handler sees it. */
export interface HttpCall<A = unknown> {
  /** As in `CallHead`. */
  readonly id: string;
  readonly method: string;
  /** As it was sent, without the query. */
  readonly path: string;
  /** What follows the first question mark, as it was sent. */
  readonly query: string;
  readonly header: Headers;
  /** The peer's IP address. */
  readonly remoteAddress: string;
  /** The whole body. Rejects with a ConnectError when it is too large, too slow or broken off. */
  readBody(): Promise<Uint8Array>;
  /**
   * The value of a JSON document, when its turn has come. Rejects with a ConnectError: InvalidArgument for what is no JSON or
   * nests too deep, ResourceExhausted for more values than are taken.
   */
  parseJson(bytes: Uint8Array): Promise<JsonValue>;
  /** Aborts when the caller goes away. Made only when asked for. */
  readonly signal: AbortSignal;
  /** As in `Call`. */
  takeTurn(): Promise<void> | undefined;
  /** Adds to the record of the call. A call that adds nothing is not recorded: probes are not logged. */
  addToRecord(note: HttpNote<A>): void;
}

/** What only the handler of a plain mount knows of its call. */
export interface HttpNote<A = unknown> {
  /** The operation's name, in the place of an RPC's. */
  readonly operation?: string;
  readonly admission?: A;
  /** The user that the call is about. */
  readonly userId?: string;
  /** Why the call was refused. */
  readonly error?: ConnectError;
}

/** Header names are lower case. The body of HEAD is not sent. */
export interface HttpAnswer {
  readonly status: number;
  readonly header: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

/** Serves what is not protobuf: every path that is the prefix or lies below it. */
export interface HttpMount<A = unknown> {
  readonly prefix: string;
  /** The prefix alone, nothing below it. */
  readonly isExact?: boolean;
  readonly handler: (call: HttpCall<A>) => HttpAnswer | Promise<HttpAnswer>;
}

/** What is hung on the transport together. */
export interface Mounts<A> {
  readonly mounts: readonly Mount<A>[];
  readonly httpMounts?: readonly HttpMount<A>[];
}

/** Mounts that are dear to load: the transport listens at once, and requests for them wait until they are there. */
export interface LateMounts<A> {
  /** Whether they will serve a path. */
  readonly owns: (path: string) => boolean;
  /** Called once, after the transport listens. When it rejects, the paths answer 503 from then on. */
  readonly load: () => Promise<Mounts<A>>;
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
export function mountHttp<A = unknown>(
  prefix: string,
  handler: HttpMount<A>["handler"],
  { isExact = false }: Pick<HttpMount<A>, "isExact"> = {},
): HttpMount<A> {
  return { prefix, isExact, handler };
}
