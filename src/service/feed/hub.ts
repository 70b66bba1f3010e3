/** One reading of the log for all watchers of a thread: what several of them see is made once. */
import { setImmediate } from "node:timers/promises";
import { erases, eventChars } from "../../domain/event.ts";
import { matches } from "../../domain/event-filter.ts";
import { KeptEvents } from "../../domain/kept-events.ts";
import { EVENTS_WEIGHT_MAX, eventWeight } from "../../domain/page-weight.ts";
import type { ListedEvent, LogPlace } from "../../store/queries.ts";
import type { LogReader } from "../../store/store.ts";
import { collect, untilQuiet } from "./pace.ts";
import { keyOfView, type View } from "./view.ts";

/** Events of one reading that a watcher sees, and the place after all events of the reading. */
export interface Portion<M> {
  readonly message: M;
  readonly chars: number;
  readonly place: LogPlace;
}

/** A watcher that has caught up with the hub. */
export interface Member<M> {
  readonly view: View;
  /** Takes the next events. It must not throw. */
  take(portion: Portion<M>): void;
  /** Drops what it has not read yet. Returns whether that was something: then it is no longer a member. */
  drop(): boolean;
  /** The reading has failed: the watcher must begin again at its place. */
  fail(error: unknown): void;
}

/** Makes the message of some events. */
export type ToMessage<M> = (events: readonly ListedEvent[], cursor: string, view: View) => M;

export interface HubOptions<M> {
  readonly log: LogReader;
  /**
   * Returns what makes messages that share what they have in common, and keeps it as long as it is used: what is kept only
   * while one reading is passed on costs the garbage collector several times less.
   */
  readonly createMessages: () => ToMessage<M>;
}

/** Watchers with the same view. */
interface Group<M> {
  readonly view: View;
  readonly members: Set<Member<M>>;
}

/** A watcher that waits until the hub has read on. */
type Waiting = Pick<PromiseWithResolvers<void>, "resolve" | "reject">;

/** How far a watcher may be behind when it joins. */
const PORTION_EVENTS_MAX = 256;

/** The state of one reading. */
interface Reading {
  readonly controller: AbortController;
  /** The newest events that were read. */
  readonly kept: KeptEvents<ListedEvent>;
  /** The position of the last event that was read. */
  position: number;
  cursor: string;
}

/** How long members are given events in one turn of the event loop, in milliseconds. */
const SLICE_MS = 2;

/** What some members get of one reading. */
interface Delivery<M> {
  readonly view: View;
  readonly seen: readonly ListedEvent[];
  /** As they were when it was read: who joins later has it already. */
  readonly members: readonly Member<M>[];
}

export class Hub<M> {
  readonly #options: HubOptions<M>;
  readonly #groups = new Map<string, Group<M>>();
  /** The same groups by the organization that they see, and those that see all. */
  readonly #byOrganization = new Map<string, Set<Group<M>>>();
  readonly #everywhere = new Set<Group<M>>();
  /** For those who join. */
  readonly #toMessage: ToMessage<M>;
  #reading: Reading | undefined;
  #starting: Promise<Reading> | undefined;
  /** Why the last reading ended, if by an error. */
  #failure: { readonly error: unknown } | undefined;
  #waiting: Waiting[] = [];
  /** The place after the last event that all members got. */
  #place: LogPlace | undefined;

  constructor(options: HubOptions<M>) {
    this.#options = options;
    this.#toMessage = options.createMessages();
  }

  /** The place after the last event that all members got; `undefined`: nothing is read. */
  get place(): LogPlace | undefined {
    return this.#place;
  }

  /** Begins to read, if it does not yet. Rejects with StoreUnavailableError. */
  async start(): Promise<void> {
    if (this.#reading !== undefined) return;
    this.#starting ??= this.#start().finally(() => {
      this.#starting = undefined;
    });
    await this.#starting;
  }

  /** Ends the reading; the next `start` begins another. */
  stop(): void {
    this.#reading?.controller.abort();
    this.#reading = undefined;
    this.#place = undefined;
    this.#wake();
  }

  /**
   * Adds a watcher that has seen all events up to a position; what it lacks is given to it at once. Returns `behind` if
   * that is too much or no longer kept: it must read the log itself; and `ahead` if the hub has not come so far, or not
   * to `head`: an event up to there may say that what is kept is erased.
   */
  join(member: Member<M>, position: number, head: number): "joined" | "behind" | "ahead" {
    const reading = this.#reading;
    if (reading === undefined) return "ahead";
    if (!this.isNear(position)) return "behind";
    if (reading.position < Math.max(position, head)) return "ahead";
    const lacking = lackedAt(reading, position)?.filter((event) => matches(member.view.filter, event)) ?? [];
    if (lacking.length > 0) member.take(toPortion(this.#toMessage, lacking, reading, member.view));
    this.#groupOf(member.view).members.add(member);
    return "joined";
  }

  /** Returns whether what follows a position is kept and fits into one message. */
  isNear(position: number): boolean {
    const reading = this.#reading;
    if (reading === undefined || position >= reading.position) return true;
    const lacking = lackedAt(reading, position);
    return (lacking?.reduce((sum, event) => sum + eventWeight(event), 0) ?? Infinity) <= EVENTS_WEIGHT_MAX;
  }

  leave(member: Member<M>): void {
    const key = keyOfView(member.view);
    const group = this.#groups.get(key);
    if (group === undefined || !group.members.delete(member)) return;
    if (group.members.size > 0) return;
    this.#groups.delete(key);
    this.#everywhere.delete(group);
    for (const id of group.view.filter.organization ?? []) {
      const groups = this.#byOrganization.get(id);
      groups?.delete(group);
      if (groups?.size === 0) this.#byOrganization.delete(id);
    }
  }

  /** Resolves when the hub has read on, or was stopped. Rejects when the reading fails, or has failed. */
  async whenRead(): Promise<void> {
    if (this.#reading === undefined) {
      if (this.#failure !== undefined) throw this.#failure.error;
      return;
    }
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#waiting.push({ resolve, reject });
    await promise;
  }

  async #start(): Promise<Reading> {
    const { position, cursor } = await this.#options.log.open();
    const controller = new AbortController();
    const reading: Reading = { controller, kept: new KeptEvents(PORTION_EVENTS_MAX), position, cursor };
    this.#reading = reading;
    this.#place = { position, cursor };
    this.#failure = undefined;
    this.#read(reading).catch((error: unknown) => this.#fail(reading, error));
    return reading;
  }

  async #read(reading: Reading): Promise<void> {
    let workMs = 0;
    for await (const events of this.#options.log.read(reading.position, reading.controller.signal)) {
      if (this.#reading !== reading) return;
      workMs += await this.#deliver(reading, this.#take(reading, events));
      if (this.#reading !== reading) return;
      // What is in memory comes without a turn of the event loop in between.
      if (isFull(events)) {
        await untilQuiet();
      } else {
        await collect(workMs);
        workMs = 0;
      }
    }
  }

  #take(reading: Reading, events: readonly ListedEvent[]): readonly Delivery<M>[] {
    const last = events.at(-1);
    if (last === undefined) return [];
    reading.position = last.position;
    reading.cursor = last.cursor;
    if (events.some(({ event }) => erases(event))) this.#forget(reading);
    else reading.kept.add(events);
    const deliveries = this.#sort(events);
    this.#wake();
    return deliveries;
  }

  /** Returns how long it took, in milliseconds, without what ran in between. */
  async #deliver(reading: Reading, deliveries: readonly Delivery<M>[]): Promise<number> {
    const place = { position: reading.position, cursor: reading.cursor };
    const toMessage = this.#options.createMessages();
    const made = new Map<readonly ListedEvent[], Map<boolean, Portion<M>>>();
    let [begin, workMs] = [performance.now(), 0];
    for (const { view, seen, members } of deliveries) {
      const bySight = made.get(seen) ?? new Map<boolean, Portion<M>>();
      const portion = bySight.get(view.seesPersonal) ?? toPortion(toMessage, seen, place, view);
      made.set(seen, bySight.set(view.seesPersonal, portion));
      for (const member of members) {
        member.take(portion);
        const ms = performance.now() - begin;
        if (ms < SLICE_MS) continue;
        workMs += ms;
        await setImmediate();
        if (this.#reading !== reading) return workMs;
        begin = performance.now();
      }
    }
    this.#place = place;
    return workMs + performance.now() - begin;
  }

  /** The log does not show what was erased; what is kept here, and what waits for slow members, would. */
  #forget(reading: Reading): void {
    reading.kept.clear();
    for (const { members } of [...this.#groups.values()]) {
      for (const member of members) if (member.drop()) this.leave(member);
    }
  }

  /** Returns what each group sees; groups that see nothing are left out, and those that see all share one list. */
  #sort(events: readonly ListedEvent[]): readonly Delivery<M>[] {
    const byGroup = new Map<Group<M>, ListedEvent[]>();
    for (const event of events) {
      // The empty id stands for the instance.
      for (const group of this.#byOrganization.get(event.organizationId ?? "") ?? []) {
        if (!matches(group.view.filter, event)) continue;
        const seen = byGroup.get(group);
        if (seen === undefined) byGroup.set(group, [event]);
        else seen.push(event);
      }
    }
    const all: (readonly [Group<M>, readonly ListedEvent[]])[] = [...byGroup];
    for (const group of this.#everywhere) {
      const seen = events.filter((event) => matches(group.view.filter, event));
      if (seen.length > 0) all.push([group, seen.length === events.length ? events : seen]);
    }
    return all.map(([{ view, members }, seen]) => ({ view, seen, members: [...members] }));
  }

  #groupOf(view: View): Group<M> {
    const key = keyOfView(view);
    const known = this.#groups.get(key);
    if (known !== undefined) return known;
    const group: Group<M> = { view, members: new Set() };
    this.#groups.set(key, group);
    const { organization } = view.filter;
    if (organization === undefined) this.#everywhere.add(group);
    for (const id of organization ?? []) {
      this.#byOrganization.set(id, (this.#byOrganization.get(id) ?? new Set()).add(group));
    }
    return group;
  }

  #fail(reading: Reading, error: unknown): void {
    if (this.#reading !== reading) return;
    this.#reading = undefined;
    this.#failure = { error };
    for (const { members } of [...this.#groups.values()]) for (const member of members) member.fail(error);
    for (const { reject } of this.#takeWaiting()) reject(error);
  }

  #wake(): void {
    for (const { resolve } of this.#takeWaiting()) resolve();
  }

  #takeWaiting(): readonly Waiting[] {
    const waiting = this.#waiting;
    this.#waiting = [];
    return waiting;
  }
}

/** Returns what follows a position; `undefined`: it is too much for one message, or no longer kept. */
function lackedAt(reading: Reading, position: number): readonly ListedEvent[] | undefined {
  if (position >= reading.position) return [];
  if (reading.position - position > PORTION_EVENTS_MAX) return undefined;
  return reading.kept.after(position, PORTION_EVENTS_MAX);
}

/** Returns whether there is probably more to read. */
function isFull(events: readonly ListedEvent[]): boolean {
  return events.reduce((sum, event) => sum + eventWeight(event), 0) > EVENTS_WEIGHT_MAX / 2;
}

function toPortion<M>(
  toMessage: ToMessage<M>,
  events: readonly ListedEvent[],
  { position, cursor }: LogPlace,
  view: View,
): Portion<M> {
  return { message: toMessage(events, cursor, view), chars: charsOf(events), place: { position, cursor } };
}

function charsOf(events: readonly ListedEvent[]): number {
  return events.reduce((sum, { event }) => sum + eventChars(event), 0);
}
