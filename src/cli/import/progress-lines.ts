/** Shows the progress of an import: a bar on a terminal, a line from time to time elsewhere. */
import { printable } from "../frame/table.ts";

/** The progress that is shown. */
export interface Shown {
  readonly rows: number;
  readonly failed: number;
  /** Settled bytes of the file, and its size; `undefined` if unknown. */
  readonly bytes: number;
  readonly size: number | undefined;
}

export interface ProgressOptions {
  readonly isTerminal: boolean;
  /** The characters of a line of the terminal. */
  readonly columns: number;
  readonly write: (text: string) => void;
  /** Monotonic milliseconds. */
  readonly clock: () => number;
}

const REDRAW_EVERY_MS = 200;
const LINE_EVERY_MS = 5_000;
const BAR_CHARS = 24;
/** The rate covers only the latest milliseconds, so that it follows a service that slows down. */
const RATE_OVER_MS = 10_000;

const numbers = new Intl.NumberFormat("en-US");

export class ProgressLines {
  readonly #options: ProgressOptions;
  readonly #samples: { readonly time: number; readonly rows: number; readonly bytes: number }[] = [];
  #shownAt: number;
  #isDrawn: boolean = false;

  constructor(options: ProgressOptions, begin: Shown) {
    this.#options = options;
    this.#shownAt = options.clock();
    this.#samples.push({ time: this.#shownAt, rows: begin.rows, bytes: begin.bytes });
  }

  /** Shows the progress if it is time to. */
  show(shown: Shown): void {
    const { clock, isTerminal } = this.#options;
    const now = clock();
    if (now - this.#shownAt < (isTerminal ? REDRAW_EVERY_MS : LINE_EVERY_MS)) return;
    this.#shownAt = now;
    this.#samples.push({ time: now, rows: shown.rows, bytes: shown.bytes });
    while (this.#samples.length > 2 && (this.#samples[1]?.time ?? now) <= now - RATE_OVER_MS) this.#samples.shift();
    this.#draw(this.#text(shown, now));
  }

  /** Prints a text on a line of its own; it may contain names from the file, so it is escaped. */
  say(line: string): void {
    this.clear();
    this.#options.write(`${printable(line)}\n`);
  }

  /** Removes the bar. */
  clear(): void {
    if (this.#isDrawn) this.#options.write("\r\u001b[K");
    this.#isDrawn = false;
  }

  #draw(text: string): void {
    const { isTerminal, columns, write } = this.#options;
    if (!isTerminal) {
      write(`${text}\n`);
      return;
    }
    write(`\r${text.slice(0, Math.max(1, columns - 1))}\u001b[K`);
    this.#isDrawn = true;
  }

  #text({ rows, failed, bytes, size }: Shown, now: number): string {
    const [first] = this.#samples;
    const seconds = first === undefined ? 0 : (now - first.time) / 1000;
    const rate = seconds > 0 && first !== undefined ? (rows - first.rows) / seconds : 0;
    const byteRate = seconds > 0 && first !== undefined ? (bytes - first.bytes) / seconds : 0;
    const parts = [
      `${numbers.format(rows)} rows`,
      `${numbers.format(Math.round(rate))}/s`,
      ...(failed > 0 ? [`${numbers.format(failed)} failed`] : []),
    ];
    if (size === undefined || size === 0) return parts.join("  ");
    const share = Math.min(1, bytes / size);
    if (byteRate > 0) parts.push(`${span((size - bytes) / byteRate)} left`);
    const percent = `${Math.floor(share * 100)}%`.padStart(4);
    if (!this.#options.isTerminal) return [percent.trim(), ...parts].join("  ");
    const filled = Math.round(share * BAR_CHARS);
    return [`[${"#".repeat(filled)}${".".repeat(BAR_CHARS - filled)}]${percent}`, ...parts].join("  ");
  }
}

/** Returns seconds as text for a person. */
export function span(seconds: number): string {
  const whole = Math.max(0, Math.ceil(seconds));
  if (whole < 60) return `${whole}s`;
  if (whole < 3600) return `${Math.floor(whole / 60)}m ${whole % 60}s`;
  return `${Math.floor(whole / 3600)}h ${Math.floor((whole % 3600) / 60)}m`;
}
