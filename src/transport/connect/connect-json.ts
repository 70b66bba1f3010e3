/** JSON options for Connect. Faults in a message were already found when Connect reads it. */
import {
  createRegistry,
  type DescMessage,
  type JsonReadOptions,
  type JsonValue,
  type JsonWriteOptions,
  type Registry,
} from "@bufbuild/protobuf";
import { hideUnderscores, mayHoldMask } from "../../transcoding/field-mask.ts";
import type { MountOptions } from "../mount.ts";

/** Connect's JSON options; its types do not show that it accepts a decoder of bytes. */
export type ConnectJsonOptions = Partial<JsonReadOptions & JsonWriteOptions> & {
  readonly textDecoder?: { decode(bytes?: Uint8Array): string };
};

/** Returns Connect's JSON options for a mount. `input`: the type of the requests. */
export function createJsonOptions<A>(options: MountOptions<A>, input: DescMessage): ConnectJsonOptions {
  return {
    ignoreUnknownFields: options.unknownFields === "ignore",
    registry: registryOf(options),
    ...(mayHoldMask(input)
      ? { textDecoder: { decode: (bytes?: Uint8Array) => withHiddenUnderscores(input, bytes) } }
      : {}),
  };
}

const utf8 = new TextDecoder();

/** Rewrites field masks to the form that protobuf-es accepts; `showUnderscores` undoes it in the resulting message. */
function withHiddenUnderscores(input: DescMessage, bytes: Uint8Array | undefined): string {
  const json = JSON.parse(utf8.decode(bytes)) as JsonValue;
  hideUnderscores(input, json);
  return JSON.stringify(json);
}

/** Returns the message types that an Any may hold. */
export function registryOf<A>({ rest }: Pick<MountOptions<A>, "rest">): Registry {
  return rest?.registry ?? NO_TYPES;
}

const NO_TYPES = createRegistry();
