/** A table by numbers that changes in place, for what comes and goes with every call. */

/** The number of places in a new table. It is a power of two, and doubles with need. */
const PLACES_MIN = 64;

/**
 * Used in place of a Map. With much coming and going a Map makes a new table every few changes, and V8 lets the old one
 * refer to the new one. As soon as one of these is among the old objects, each holds what was open with the next, and all
 * of it survives until the whole heap is collected.
 *
 * Keys are integers from 1 on that grow by one or by two, each given once: the ids of calls and streams.
 */
export class NumberTable<T> {
  /** 0 where nothing is. */
  #keys: number[] = [];
  #values: (T | undefined)[] = [];
  #mask = 0;
  #size = 0;

  constructor() {
    this.#make(PLACES_MIN);
  }

  get size(): number {
    return this.#size;
  }

  get(key: number): T | undefined {
    return this.#values[this.#placeOf(key)];
  }

  set(key: number, value: T): this {
    let place = this.#placeOf(key);
    if (this.#keys[place] === 0) {
      // Half of the places stay free, so that searches are short.
      if (2 * this.#size > this.#mask) {
        this.#grow();
        place = this.#placeOf(key);
      }
      this.#keys[place] = key;
      this.#size++;
    }
    this.#values[place] = value;
    return this;
  }

  /** Returns whether it was there. */
  delete(key: number): boolean {
    let free = this.#placeOf(key);
    if (this.#keys[free] === 0) return false;
    const mask = this.#mask;
    // Searches end at a free place, so what was pushed aside by the deleted key moves up.
    for (let place = (free + 1) & mask; this.#keys[place] !== 0; place = (place + 1) & mask) {
      const own = firstPlaceOf(this.#keys[place] as number) & mask;
      if (((place - own) & mask) < ((place - free) & mask)) continue;
      this.#keys[free] = this.#keys[place] as number;
      this.#values[free] = this.#values[place];
      free = place;
    }
    this.#keys[free] = 0;
    this.#values[free] = undefined;
    this.#size--;
    return true;
  }

  /** Calls `visit` with all that is there now, in no order; it may delete entries. */
  forEach(visit: (value: T, key: number) => void): void {
    const values = [...this.#values];
    for (const [place, key] of [...this.#keys].entries()) if (key !== 0) visit(values[place] as T, key);
  }

  /** The place of a key, or the free one where it would be. */
  #placeOf(key: number): number {
    let place = firstPlaceOf(key) & this.#mask;
    while (this.#keys[place] !== key && this.#keys[place] !== 0) place = (place + 1) & this.#mask;
    return place;
  }

  #make(places: number): void {
    this.#keys = new Array<number>(places).fill(0);
    this.#values = new Array<T | undefined>(places).fill(undefined);
    this.#mask = places - 1;
    this.#size = 0;
  }

  #grow(): void {
    const keys = this.#keys;
    const values = this.#values;
    this.#make(2 * keys.length);
    for (const [place, key] of keys.entries()) if (key !== 0) this.set(key, values[place] as T);
  }
}

/** Spreads keys that follow each other over all places, also where all are odd (as in HTTP/2): the Gray code. */
function firstPlaceOf(key: number): number {
  return key ^ (key >>> 1);
}
