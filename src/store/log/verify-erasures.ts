/** Verifies that a row of `erasures` is what the events of its user say, and that what they say is erased is gone. */
import type { UserEvent } from "../../domain/event.ts";
import { epochGrowth, FIRST_EPOCH } from "../../domain/evolve.ts";
import type { RecordedEvent } from "../queries.ts";
import type { StoredErasure } from "../rows/erasure-rows.ts";
import { decodeBody } from "./event-encoding.ts";

/** Finds a row of `erasures` whose user has no row, on both engines. */
export const FIND_UNKNOWN_ERASURE = `SELECT user_id FROM erasures
  WHERE NOT EXISTS (SELECT 1 FROM user_state WHERE id = erasures.user_id) ORDER BY user_id LIMIT 1`;

/** What is wrong with a row that no event of its user explains. */
export const UNEXPLAINED_ERASURE = "erasures has a row, and no event says that values were erased";

/** What is wrong with an event that erases, where there is no row. */
export const UNKNOWN_ERASURE = "an event says that values were erased, and erasures has no row";

/** Whether an event says that values of its user were erased. */
export function isErasing(type: string, body: Uint8Array): boolean {
  if (type === "EventRedacted") return true;
  return type === "UserDeleted" && (decodeBody(body).data as { readonly erased?: boolean }).erased === true;
}

export interface ErasureFault {
  readonly fault: string;
  /** The event that the fault is in; absent: it is in a row. */
  readonly position?: number;
}

/** The last event that erased everything before it. */
interface Deletion {
  readonly sequence: number;
  readonly position: number;
}

/** The events of one user, from the newest to the first, held against the user's row of `erasures`. */
export class ErasureJudge {
  readonly #row: StoredErasure | undefined;
  /** When values were erased last; `undefined`: no event says so. */
  #time: number | undefined;
  #deletion: Deletion | undefined;
  /** How much the events up to the deletion raise the epoch. */
  #raised = 0;
  /** Values that were redacted, as `sequence name`. */
  readonly #redacted = new Set<string>();
  #isWalkFound: boolean = false;
  /** The oldest event with a value that must be gone. */
  #left: { readonly position: number; readonly name: string } | undefined;

  /** `row`: of the user; `undefined`: there is none. */
  constructor(row: StoredErasure | undefined) {
    this.#row = row;
  }

  /** Takes the event before the one that was taken last. */
  take({ event, position, sequence }: RecordedEvent): void {
    if (position === this.#row?.next_position) this.#isWalkFound = true;
    const name = Object.keys(event.personal).find((each) => this.#mustBeGone(each, sequence, position));
    if (name !== undefined) this.#left = { position, name };
    if (event.type === "EventRedacted") {
      this.#time ??= event.time;
      for (const field of event.data.fields) this.#redacted.add(`${event.data.sequence} ${field}`);
    } else if (event.type === "UserDeleted" && event.data.erased === true) {
      this.#time ??= event.time;
      this.#deletion ??= { sequence, position };
    }
    if (this.#deletion !== undefined) this.#raised += epochGrowth(event as UserEvent);
  }

  /** Returns the fault after the first event; `undefined`: there is none. */
  end(): ErasureFault | undefined {
    const row = this.#row;
    if (row === undefined) return this.#time === undefined ? undefined : { fault: UNKNOWN_ERASURE };
    if (this.#time === undefined) return { fault: UNEXPLAINED_ERASURE };
    const expected = { ...this.#bounds(), time: this.#time };
    for (const column of ["sequence", "epoch", "time"] as const) {
      if (row[column] === expected[column]) continue;
      return { fault: `erasures has the ${column} ${row[column]}, and the events give ${expected[column]}` };
    }
    if (!this.#isWalkRight(row)) {
      return { fault: `erasures has the next_position ${row.next_position}, where no event waits for its erasure` };
    }
    if (this.#left !== undefined) {
      const { position, name } = this.#left;
      return { position, fault: `the personal value ${name} is there, and an event says that it was erased` };
    }
    if (row.kept === null) return undefined;
    return { fault: `${row.kept} are there from before the user was erased` };
  }

  #bounds(): Pick<StoredErasure, "sequence" | "epoch"> {
    if (this.#deletion === undefined) return { sequence: 0, epoch: 0 };
    return { sequence: this.#deletion.sequence, epoch: FIRST_EPOCH + this.#raised };
  }

  /** What the walk through the history has not come to is hidden, and may be there. */
  #mustBeGone(name: string, sequence: number, position: number): boolean {
    if (this.#redacted.has(`${sequence} ${name}`)) return true;
    const [deletion, row] = [this.#deletion, this.#row];
    if (deletion === undefined || row === undefined || sequence >= deletion.sequence) return false;
    return row.next_position === null || position > row.next_position;
  }

  #isWalkRight({ next_position, end_time }: StoredErasure): boolean {
    if (next_position === null) return true;
    return this.#isWalkFound && this.#deletion !== undefined && end_time === null;
  }
}
