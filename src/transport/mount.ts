/** What the transport serves: protobuf services with their handlers and wire options, and plain HTTP handlers. */

import type { DescMessage, DescMethod, DescService, JsonValue, Message, MessageShape } from "@bufbuild/protobuf";
import type { ConnectError } from "@connectrpc/connect";
import type { RestPolicy } from "../transcoding/policy.ts";

/** How a call reached the service. `grpc-web` is the binary and the text form. */
export type Wire = "grpc" | "grpc-web" | "connect" | "rest";

/** The wire in the record of a call; `http` is a plain mount. */
export type RecordedWire = Wire | "http";

/** The headers of a request: by name at no cost, or all of them. */
export interface RequestHeader extends Iterable<[name: string, value: string]> {
  get(name: string): string | null;
}

/** The part of a call that is known before its body is read. */
export interface CallHead {
  /** The caller's `x-request-id` if it is well formed, else an id from `newCallId`. */
  readonly id: string;
  readonly wire: Wire;
  readonly method: DescMethod;
  readonly header: RequestHeader;
  /** The peer's IP address. */
  readonly remoteAddress: string;
}

/** A call as its handler sees it. Handlers do not depend on the wire: `wire` is for the record only. */
export interface Call<A = unknown> extends CallHead {
  /** The result of `admit` for this call. */
  readonly admission: A;
  /**
   * The time at which the caller stops waiting, in milliseconds since the epoch by the clock of this process. Absent:
   * never.
   */
  readonly deadlineTime: number | undefined;
  /** Aborts when the caller goes away, the deadline passes or the service stops. Made when first read. */
  readonly signal: AbortSignal;
  /** Headers to send with the answer, also with an error. A stream sends them with its first message. */
  readonly responseHeader: Headers;
  /** Lets other calls run first. Await it before a step that takes milliseconds; `undefined` means go on at once. */
  takeTurn(): Promise<void> | undefined;
  /** Ends the answer without its rest: for a stream that has to end although its caller reads nothing. */
  breakOff(): void;
  /** Names the error of the record of a call whose caller goes away before an error can be sent to it. The first one stays. */
  noteEnd(error: unknown): void;
  /**
   * Sends the next message of an endless stream at once, past its generator, which must wait for something else meanwhile.
   * Returns false if that is not possible now, because the client is slower or the first message is not sent: then yield it.
   */
  sendNow(message: Message): boolean;
  /** Whether the next message of a stream would not wait behind others that the connection has not taken. */
  readonly isWritable: boolean;
  /** Resolves when `isWritable`; rejects when the client is gone. `undefined`: it is now. */
  untilWritable(): Promise<void> | undefined;
  /**
   * Headers that are known only at the end, also of an error. gRPC, gRPC-Web and streams send them as trailers; unary
   * calls of Connect and REST, whose answer is one piece, as headers that begin with `trailer-`.
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

/** A handler of a bidirectional stream, as server reflection needs it; gRPC over HTTP/2 only. */
export type BidiStreamHandler<I extends DescMessage, O extends DescMessage, A> = (
  requests: AsyncIterable<MessageShape<I>>,
  call: Call<A>,
) => AsyncIterable<MessageShape<O>>;

/** The handlers of a service by local method name (`lockUser`). A method without a handler answers UNIMPLEMENTED. */
export type Handlers<S extends DescService, A = unknown> = {
  readonly [M in keyof S["method"]]?: S["method"][M]["methodKind"] extends "unary"
    ? UnaryHandler<S["method"][M]["input"], S["method"][M]["output"], A>
    : S["method"][M]["methodKind"] extends "server_streaming"
      ? ServerStreamHandler<S["method"][M]["input"], S["method"][M]["output"], A>
      : BidiStreamHandler<S["method"][M]["input"], S["method"][M]["output"], A>;
};

/**
 * Decides, before the body is read, whether a call may go on. Returns the value that the handler finds in
 * `call.admission`; throws a ConnectError to refuse.
 */
export type Admit<A> = (head: CallHead) => A | Promise<A>;

/** The call in which an error occurred. The method is absent where the path matches none. */
export interface FaultPlace {
  readonly method: DescMethod | undefined;
  readonly callId: string;
  /** Whether the caller reads and writes JSON. */
  readonly isJson?: boolean;
}

/** Adds details to an error, in place, before it is encoded. Called for every error, also for those of handlers. */
export type DescribeError = (error: ConnectError, place: FaultPlace) => void;

/** The policies of one mount. */
export interface MountOptions<A> {
  readonly admit: Admit<A>;
  /** Whether an admission shows who the caller is. Absent: every admission other than `undefined` does. */
  isAuthenticated?(admission: A): boolean;
  /** The REST side. Absent: the service has no REST paths, even where its methods carry http rules. */
  readonly rest?: RestPolicy;
  /** Only these methods, by local name, are served on any wire. Absent: all. */
  readonly methods?: readonly string[];
  /** How unknown members of Connect JSON bodies are treated. */
  readonly unknownFields: "refuse" | "ignore";
  /** The largest request body in bytes, by local method name; other methods have the transport's limit. */
  readonly bodyBytesMax?: Readonly<Record<string, number>>;
  /** The largest number of values in a request, by local method name; other methods have the transport's limit. */
  readonly valuesMax?: Readonly<Record<string, number>>;
  /**
   * Streams that do not end by themselves, by local method name. Their signal aborts as soon as no more calls are taken.
   * Many callers get the same messages, which must not change once they are sent: they are encoded once, and not
   * compressed.
   */
  readonly endless?: readonly string[];
  /** Replaces the transport's own for the calls of this mount. */
  readonly describeError?: DescribeError;
}

/** A service with its handlers, mounted on the transport. */
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
  /** The path as it was sent, without the query. */
  readonly path: string;
  /** The part after the first question mark, as it was sent. */
  readonly query: string;
  readonly header: Headers;
  /** The peer's IP address. */
  readonly remoteAddress: string;
  /** Reads the whole body. Rejects with a ConnectError when it is too large, too slow or broken off. */
  readBody(): Promise<Uint8Array>;
  /**
   * Parses a JSON document, after other calls had their turn. Rejects with a ConnectError: InvalidArgument for text
   * that is not JSON or nests too deep, ResourceExhausted for more values than allowed.
   */
  parseJson(bytes: Uint8Array): Promise<JsonValue>;
  /** Aborts when the caller goes away. Made when first read. */
  readonly signal: AbortSignal;
  /** As in `Call`. */
  takeTurn(): Promise<void> | undefined;
  /** Adds to the record of the call. A call that adds nothing is not recorded: probes are not logged. */
  addToRecord(note: HttpNote<A>): void;
}

/** What only the handler of a plain mount knows about its call. */
export interface HttpNote<A = unknown> {
  /** The name of the operation; it takes the place of the RPC name. */
  readonly operation?: string;
  readonly admission?: A;
  /** The user that the call is about. */
  readonly userId?: string;
  /** Why the call was refused. */
  readonly error?: ConnectError;
}

/** A complete answer. Header names are lower case. The body is not sent for HEAD. */
export interface HttpAnswer {
  readonly status: number;
  readonly header: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

/** A plain HTTP handler. It serves the prefix and every path below it. */
export interface HttpMount<A = unknown> {
  readonly prefix: string;
  /** Serves the prefix alone and nothing below it. */
  readonly isExact?: boolean;
  readonly handler: (call: HttpCall<A>) => HttpAnswer | Promise<HttpAnswer>;
}

/** Mounts that are added together. */
export interface Mounts<A> {
  readonly mounts: readonly Mount<A>[];
  readonly httpMounts?: readonly HttpMount<A>[];
}

/**
 * Mounts that are expensive to load: the transport listens at once, and requests for them wait until they are loaded.
 */
export interface LateMounts<A> {
  /** Whether these mounts will serve a path. */
  readonly owns: (path: string) => boolean;
  /** Called once, after the transport listens. If it rejects, their paths answer 503 from then on. */
  readonly load: () => Promise<Mounts<A>>;
}

/** Makes a mount of a service. Throws when a handler does not belong to a method of the service. */
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

/** Makes a mount of a plain HTTP handler. */
export function mountHttp<A = unknown>(
  prefix: string,
  handler: HttpMount<A>["handler"],
  { isExact = false }: Pick<HttpMount<A>, "isExact"> = {},
): HttpMount<A> {
  return { prefix, isExact, handler };
}
