/** JSON on the Connect road: what is wrong with a message was found before Connect reads it. */
import { createRegistry, type JsonReadOptions, type JsonWriteOptions, type Registry } from "@bufbuild/protobuf";
import type { MountOptions } from "./mount.ts";

/** Connect's own options for JSON, as far as they are set here. */
export function createJsonOptions<A>(options: MountOptions<A>): Partial<JsonReadOptions & JsonWriteOptions> {
  return { ignoreUnknownFields: options.unknownFields === "ignore", registry: registryOf(options) };
}

/** What may stand in an Any. */
export function registryOf<A>({ rest }: Pick<MountOptions<A>, "rest">): Registry {
  return rest?.registry ?? NO_TYPES;
}

const NO_TYPES = createRegistry();
