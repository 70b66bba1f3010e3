/** Organizations, API keys and policies as the writer read them, kept until any of them changes. */
import type { EntryKey, Stored } from "../../commit/entries.ts";

export type ConfigurationKind = "organization" | "apiKey" | "policy" | "lastingOwners";

type ConfigurationKey = EntryKey<ConfigurationKind>;

/** Entries that are kept; beyond, all are read again. */
const ENTRIES_MAX = 10_000;

export function isConfiguration(key: EntryKey): key is ConfigurationKey {
  return key.kind === "organization" || key.kind === "apiKey" || key.kind === "policy" || key.kind === "lastingOwners";
}

/**
 * The head of the log says at which position the configuration changed last. Who holds the head and finds that position
 * unchanged knows that what was read under it still stands, whichever replica writes.
 */
export class ConfigurationRows {
  readonly #byKey = new Map<string, Stored<ConfigurationKind> | undefined>();
  #position: number | undefined;

  /** Forgets everything unless it was read under this position. */
  use(position: number): void {
    if (position !== this.#position) this.#byKey.clear();
    this.#position = position;
  }

  has(key: ConfigurationKey): boolean {
    return this.#byKey.has(nameOf(key));
  }

  /** Returns what is stored; `undefined`: nothing, where `has` says that this is known. */
  get(key: ConfigurationKey): Stored<ConfigurationKind> | undefined {
    return this.#byKey.get(nameOf(key));
  }

  /** Keeps what was read while the head was held. What does not exist is not kept: callers may name any number of ids. */
  keep(key: ConfigurationKey, stored: Stored<ConfigurationKind> | undefined): void {
    if (stored === undefined && key.kind !== "policy") return;
    if (this.#byKey.size >= ENTRIES_MAX) this.#byKey.clear();
    this.#byKey.set(nameOf(key), stored);
  }
}

function nameOf({ kind, id }: ConfigurationKey): string {
  return `${kind} ${id}`;
}
