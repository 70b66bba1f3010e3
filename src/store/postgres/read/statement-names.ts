/** Names for the queries that Kysely builds, so that a connection prepares each text once. */
import { createHash } from "node:crypto";
import type { Statement } from "../connect/connection.ts";

/** More than all lists have; a bound in any case, because a server keeps what is prepared. */
const NAMES_MAX = 500;
/** Of the hash, in characters of 6 bits. */
const NAME_CHARS = 22;

export class StatementNames {
  readonly #known = new Map<string, Statement>();

  /**
   * Returns the statement with a name that depends on its text alone: connections behind a pooler may find what another
   * one prepared. With a star, and beyond the bound, it has no name, and is prepared each time.
   */
  of(text: string): Statement {
    // Once a later version has added a column, a prepared statement with a star fails.
    if (text.includes("*")) return { name: "", text };
    const known = this.#known.get(text);
    if (known !== undefined) return known;
    if (this.#known.size >= NAMES_MAX) return { name: "", text };
    const hash = createHash("sha256").update(text).digest("base64url");
    const statement = { name: `list_${hash.slice(0, NAME_CHARS)}`, text };
    this.#known.set(text, statement);
    return statement;
  }
}
