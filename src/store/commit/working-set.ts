/** The entries of one batch: each is loaded once, seen by all commands, and written once at the end. */
import { isLastingOwner } from "../../domain/api-key.ts";
import { type Entry, type EntryKey, type Kind, OWNERS_KEY, type Stored, toEntry } from "./entries.ts";

/** Reads what is stored, one function for each kind; each returns `undefined` for a resource that is not stored. */
export type Loaders = { readonly [K in Kind]: (key: EntryKey<K>) => Stored<K> | undefined };

/**
 * An engine that reads synchronously gives loaders, which are called for what the set does not hold yet. Any other
 * engine puts everything in that `keysOf` names before the batch runs; there a missing entry is an error.
 */
export class WorkingSet {
  readonly #loaders: Loaders | undefined;
  readonly #entries: { readonly [K in Kind]: Map<string, Entry<K>> } = {
    instance: new Map(),
    user: new Map(),
    organization: new Map(),
    apiKey: new Map(),
    lastingOwners: new Map(),
    session: new Map(),
    policy: new Map(),
    counter: new Map(),
    countedFactors: new Map(),
    attempt: new Map(),
    request: new Map(),
    personal: new Map(),
    erasure: new Map(),
  };

  constructor(loaders?: Loaders) {
    this.#loaders = loaders;
  }

  /** Returns an entry, loaded when it is asked for first. Throws when the set has no loaders and was not given it. */
  get<K extends Kind>(key: EntryKey<K>): Entry<K> {
    return this.held(key) ?? this.#load(key);
  }

  /** Returns an entry that the set holds already. */
  held<K extends Kind>({ kind, id }: EntryKey<K>): Entry<K> | undefined {
    const entries: Map<string, Entry<K>> = this.#entries[kind];
    return entries.get(id);
  }

  /** Adds what an engine has read; `undefined`: the resource is not stored. */
  put<K extends Kind>(key: EntryKey<K>, stored: Stored<K> | undefined): Entry<K> {
    const entry = toEntry(key, stored);
    const entries: Map<string, Entry<K>> = this.#entries[key.kind];
    entries.set(key.id, entry);
    return entry;
  }

  /** Counts the lasting instance owner keys except this one, with the batch's own changes. */
  countOtherOwners(keyId: string): number {
    const owners = new Set(this.get(OWNERS_KEY).ids);
    for (const { id, key } of this.#entries.apiKey.values()) {
      if (key !== undefined && isLastingOwner(key)) owners.add(id);
      else owners.delete(id);
    }
    owners.delete(keyId);
    return owners.size;
  }

  *changed(): Generator<Entry> {
    for (const entries of Object.values(this.#entries)) {
      for (const entry of entries.values()) if (entry.isChanged) yield entry;
    }
  }

  #load<K extends Kind>(key: EntryKey<K>): Entry<K> {
    if (this.#loaders === undefined) throw new Error(`batch: the ${key.kind} ${JSON.stringify(key.id)} was not loaded`);
    const load: (key: EntryKey<K>) => Stored<K> | undefined = this.#loaders[key.kind];
    return this.put(key, load(key));
  }
}
