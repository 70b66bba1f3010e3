/** Shadows: pseudonyms for names that no user has. They are counted like users and reveal nothing. */
import { createHmac, randomBytes } from "node:crypto";
import { toSearchKey } from "../../domain/search-key.ts";
import type { UnknownName } from "../queries.ts";

const SECRET_NAME = "shadow";
const SECRET_BYTES = 32;

export interface ShadowsOptions {
  /** Reads a secret; `undefined`: there is none of this name. */
  readonly read: (name: string) => Uint8Array | undefined | Promise<Uint8Array | undefined>;
  /** Writes a secret unless there is one of this name; resolves when it is on disk. */
  readonly insert: (name: string, secret: Uint8Array) => Promise<void>;
}

/** Turns unknown names into pseudonyms. The secret is made when it is first needed. */
export class Shadows {
  readonly #options: ShadowsOptions;
  #secret: Promise<Uint8Array> | undefined;

  constructor(options: ShadowsOptions) {
    this.#options = options;
  }

  /** Returns the pseudonym of a name within an organization. */
  async of(organizationId: string, name: UnknownName): Promise<string> {
    this.#secret ??= this.#load().catch((error: unknown) => {
      this.#secret = undefined;
      throw error;
    });
    const hmac = createHmac("sha256", await this.#secret);
    const parts = "userId" in name ? ["id", name.userId] : ["typed", toSearchKey(name.identifier)];
    return hmac.update([organizationId, ...parts].join("\0")).digest("base64url");
  }

  async #load(): Promise<Uint8Array> {
    const { read, insert } = this.#options;
    const known = await read(SECRET_NAME);
    if (known !== undefined) return known;
    await insert(SECRET_NAME, randomBytes(SECRET_BYTES));
    const made = await read(SECRET_NAME);
    if (made === undefined) throw new Error("the secret of shadows is not there after it was written");
    return made;
  }
}
