/** JSON on the Connect road: read as on the REST road, so that both refuse the same bodies in the same words. */
import { createRegistry, type DescMessage, type JsonReadOptions, type JsonWriteOptions } from "@bufbuild/protobuf";
import { readJsonMessage } from "../transcoding/json-message.ts";
import type { MountOptions } from "./mount.ts";

/** Connect's own options for JSON; its types do not show that it takes a decoder of bytes. */
export type ConnectJsonOptions = Partial<JsonReadOptions & JsonWriteOptions> & {
  readonly textDecoder: { decode(bytes?: Uint8Array): string };
};

/**
 * Connect asks the decoder for the text of each message and lets its ConnectErrors through. So the bytes are checked
 * here, before Connect parses them: UTF-8, depth, syntax, members and types.
 */
export function createJsonOptions<A>(options: MountOptions<A>, input: DescMessage): ConnectJsonOptions {
  const utf8 = new TextDecoder();
  const registry = options.rest?.registry ?? createRegistry();
  const { redactValues = false } = options.rest ?? {};
  const policy = { unknownFields: options.unknownFields, registry, redactValues };
  return {
    ignoreUnknownFields: options.unknownFields === "ignore",
    registry,
    textDecoder: {
      decode: (bytes = new Uint8Array()) => {
        readJsonMessage(input, bytes, policy);
        return utf8.decode(bytes);
      },
    },
  };
}
