/** What stands for names that nobody has: counted like users, and unreadable on disk. */
import { createHmac, randomBytes } from "node:crypto";
import type { UnknownName } from "../queries.ts";
import { toSearchKey } from "../search/search-key.ts";
import type { HotStatements } from "../sqlite/write/hot-statements.ts";

const SECRET_NAME = "shadow";
const SECRET_BYTES = 32;

/** Makes names that nobody has unreadable. The secret is made when it is first needed. */
export class Shadows {
  readonly #statements: HotStatements;
  readonly #insert: (secret: Uint8Array) => Promise<void>;
  #secret: Promise<Uint8Array> | undefined;

  /** `insert` puts a secret on disk unless there is one. */
  constructor(statements: HotStatements, insert: (name: string, secret: Uint8Array) => Promise<void>) {
    this.#statements = statements;
    this.#insert = (secret) => insert(SECRET_NAME, secret);
  }

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
    const known = this.#statements.readSecret.get(SECRET_NAME);
    if (known !== undefined) return known;
    await this.#insert(randomBytes(SECRET_BYTES));
    const made = this.#statements.readSecret.get(SECRET_NAME);
    if (made === undefined) throw new Error("the secret of shadows is not there after it was written");
    return made;
  }
}
