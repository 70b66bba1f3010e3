/** Which requests are plain unary calls: in the form that nearly all have. Every other one takes connect-es. */
import type { Compression } from "@connectrpc/connect/protocol";
import { compressions } from "../connect/connect-compression.ts";
import type { Exchange } from "../exchange/exchange.ts";

/** How a plain call is read and answered; one object for each media type. */
export interface UnaryForm {
  /** Also the wire of the call. */
  readonly protocol: "grpc" | "grpc-web" | "connect";
  readonly isJson: boolean;
  /** The content type of an answer that holds a message. */
  readonly answerType: string;
  /** The names of the headers in which this protocol says how messages are compressed. */
  readonly encodingHeader: string;
  readonly acceptHeader: string;
}

const GRPC_HEADERS = { encodingHeader: "grpc-encoding", acceptHeader: "grpc-accept-encoding" } as const;
const CONNECT_HEADERS = { encodingHeader: "content-encoding", acceptHeader: "accept-encoding" } as const;

const GRPC: UnaryForm = { protocol: "grpc", isJson: false, answerType: "application/grpc+proto", ...GRPC_HEADERS };
const GRPC_WEB: UnaryForm = { ...GRPC, protocol: "grpc-web", answerType: "application/grpc-web+proto" };
const PROTO: UnaryForm = { protocol: "connect", isJson: false, answerType: "application/proto", ...CONNECT_HEADERS };
const JSON_FORM: UnaryForm = { ...PROTO, isJson: true, answerType: "application/json" };

const FORMS: ReadonlyMap<string, UnaryForm> = new Map([
  ["application/grpc", GRPC],
  ["application/grpc+proto", GRPC],
  ["application/grpc-web", GRPC_WEB],
  ["application/grpc-web+proto", GRPC_WEB],
  ["application/proto", PROTO],
  ["application/json", JSON_FORM],
]);

/** Returns the form of a plain call of a unary method; `undefined` if anything about the head is unusual. */
export function findUnaryForm(exchange: Exchange, contentType: string): UnaryForm | undefined {
  const form = FORMS.get(contentType);
  if (form === undefined || exchange.method !== "POST" || exchange.repeatsHeaders) return undefined;
  if (form === GRPC && !exchange.isHttp2) return undefined;
  const encoding = exchange.headerValue(form.encodingHeader);
  return encoding === undefined || encoding === "identity" ? form : undefined;
}

/** The last list that was read: a client sends the same one with each call. */
let lastAccepted = "";
let lastFound: Compression | undefined;

/** Returns the compression of an answer that is long enough: the first accepted one that we have. */
export function findAnswerCompression(exchange: Exchange, { acceptHeader }: UnaryForm): Compression | undefined {
  const accepted = exchange.headerValue(acceptHeader);
  if (accepted === undefined) return undefined;
  if (accepted !== lastAccepted) {
    lastFound = undefined;
    for (const name of accepted.split(",")) lastFound ??= compressions.find((each) => each.name === name.trim());
    lastAccepted = accepted;
  }
  return lastFound;
}
