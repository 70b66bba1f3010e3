/** The base64 layer of `application/grpc-web-text`, which connect-node lacks: text outside, binary inside. */
import { Code, ConnectError } from "@connectrpc/connect";

const TEXT_TYPE = /^application\/grpc-web-text(?=$|[+;])/i;

/** Returns whether a content type is gRPC-Web in text form. */
export function isGrpcWebText(contentType: string): boolean {
  return TEXT_TYPE.test(contentType);
}

/** Returns the binary type for a text type: `application/grpc-web-text+proto` → `application/grpc-web+proto`. */
export function toBinaryType(contentType: string): string {
  return contentType.replace(TEXT_TYPE, "application/grpc-web");
}

/** Returns the text type for a binary type. */
export function toTextType(contentType: string): string {
  return contentType.replace(/^application\/grpc-web/i, "application/grpc-web-text");
}

/** Decodes text that arrives in pieces of any size. Padding may end any group of four characters, not only the last. */
export async function* decodeText(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, undefined, undefined> {
  let rest = "";
  for await (const chunk of body) {
    const text = rest + Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength).toString("latin1");
    const whole = text.length - (text.length % 4);
    rest = text.slice(whole);
    if (whole > 0) yield decodeGroups(text.slice(0, whole));
  }
  if (rest !== "") throw malformed();
}

/** Encodes one piece; each piece has its own padding, as the protocol allows. */
export function encodeText(bytes: Uint8Array): Buffer {
  return Buffer.from(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64"), "latin1");
}

function decodeGroups(text: string): Uint8Array {
  if (/[^A-Za-z0-9+/=]/.test(text)) throw malformed();
  const parts: Buffer[] = [];
  for (let start = 0; start < text.length; ) {
    const padding = text.indexOf("=", start);
    const end = padding < 0 ? text.length : padding - (padding % 4) + 4;
    if (padding >= 0 && (padding % 4 < 2 || text.slice(padding, end).replaceAll("=", "") !== "")) throw malformed();
    parts.push(Buffer.from(text.slice(start, end), "base64"));
    start = end;
  }
  return parts.length === 1 && parts[0] !== undefined ? parts[0] : Buffer.concat(parts);
}

function malformed(): ConnectError {
  return new ConnectError("the request body is not valid base64", Code.InvalidArgument);
}
