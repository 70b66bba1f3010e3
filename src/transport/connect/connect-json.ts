/** JSON on the Connect road: what is wrong with a message was found before Connect reads it. */
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

/** Connect's own options for JSON; its types do not show that it takes a decoder of bytes. */
export type ConnectJsonOptions = Partial<JsonReadOptions & JsonWriteOptions> & {
  readonly textDecoder?: { decode(bytes?: Uint8Array): string };
};

/** Connect's own options for JSON, as far as they are set here. `input`: the type of the requests. */
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

/** Field masks as protobuf-es takes them; `showUnderscores` undoes it in the message that is made of this. */
function withHiddenUnderscores(input: DescMessage, bytes: Uint8Array | undefined): string {
  const json = JSON.parse(utf8.decode(bytes)) as JsonValue;
  hideUnderscores(input, json);
  return JSON.stringify(json);
}

/** What may stand in an Any. */
export function registryOf<A>({ rest }: Pick<MountOptions<A>, "rest">): Registry {
  return rest?.registry ?? NO_TYPES;
}

const NO_TYPES = createRegistry();
