/** Which requests are plain unary calls: in the form that nearly all have. Every other one takes connect-es. */
import type { Compression } from "@connectrpc/connect/protocol";
import { compressions } from "../connect/connect-compression.ts";
import type { Exchange } from "../exchange/exchange.ts";

export type UnaryProtocol = "grpc" | "grpc-web" | "connect";

/** How a plain call is read and answered. */
export interface UnaryForm {
  readonly protocol: UnaryProtocol;
  readonly isJson: boolean;
  /** The content type of an answer that holds a message. */
  readonly answerType: string;
  /** The compression that the caller accepts and we know, for answers that are long enough. */
  readonly compression: Compression | undefined;
  /** The value of the timeout header; absent: none was sent. */
  readonly timeout: string | undefined;
}

type BaseForm = Pick<UnaryForm, "protocol" | "isJson" | "answerType">;

const FORMS: ReadonlyMap<string, BaseForm> = new Map<string, BaseForm>([
  ["application/grpc", { protocol: "grpc", isJson: false, answerType: "application/grpc+proto" }],
  ["application/grpc+proto", { protocol: "grpc", isJson: false, answerType: "application/grpc+proto" }],
  ["application/grpc-web", { protocol: "grpc-web", isJson: false, answerType: "application/grpc-web+proto" }],
  ["application/grpc-web+proto", { protocol: "grpc-web", isJson: false, answerType: "application/grpc-web+proto" }],
  ["application/proto", { protocol: "connect", isJson: false, answerType: "application/proto" }],
  ["application/json", { protocol: "connect", isJson: true, answerType: "application/json" }],
]);

const HEADERS = {
  grpc: { encoding: "grpc-encoding", accept: "grpc-accept-encoding", timeout: "grpc-timeout" },
  connect: { encoding: "content-encoding", accept: "accept-encoding", timeout: "connect-timeout-ms" },
} as const;

/** Returns the form of a plain call of a unary method; `undefined` if anything about the head is unusual. */
export function findUnaryForm(exchange: Exchange, contentType: string): UnaryForm | undefined {
  const base = FORMS.get(contentType);
  if (base === undefined || exchange.method !== "POST" || exchange.repeatsHeaders) return undefined;
  if (base.protocol === "grpc" && !exchange.isHttp2) return undefined;
  const names = base.protocol === "connect" ? HEADERS.connect : HEADERS.grpc;
  const encoding = exchange.headerValue(names.encoding);
  if (encoding !== undefined && encoding !== "identity") return undefined;
  return {
    ...base,
    compression: negotiate(exchange.headerValue(names.accept)),
    timeout: exchange.headerValue(names.timeout),
  };
}

/** The first accepted one that we have; without a list none, as the request is not compressed. */
function negotiate(accepted: string | undefined): Compression | undefined {
  if (accepted === undefined || accepted === "") return undefined;
  for (const name of accepted.split(",")) {
    const found = compressions.find((each) => each.name === name.trim());
    if (found !== undefined) return found;
  }
  return undefined;
}
