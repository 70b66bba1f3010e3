/** The log: one structured line per entry on standard error, as text (key=value) or JSON. */

export type EntryLevel = "debug" | "info" | "warn" | "error";

export type LogFields = Readonly<Record<string, string | number | boolean | undefined>>;

export interface Log {
  write(level: EntryLevel, message: string, fields?: LogFields): void;
  /** Writes buffered lines; call it before the process ends. */
  flush(): void;
}

export interface LogOptions {
  readonly level: EntryLevel | "off";
  readonly format: "text" | "json";
  readonly clock: () => number;
  /** Receives whole lines. */
  readonly sink: (lines: string) => void;
}

const RANKS = { debug: 0, info: 1, warn: 2, error: 3, off: 4 } as const;

/** Collects the lines of one turn of the event loop and writes them at once; errors are written immediately. */
export function createLog({ level, format, clock, sink }: LogOptions): Log {
  let held = "";
  let scheduled = false;
  const flush = (): void => {
    scheduled = false;
    if (held === "") return;
    const lines = held;
    held = "";
    sink(lines);
  };
  const toLine = format === "json" ? toJsonLine : toTextLine;
  const timeText = createTimeText();
  return {
    flush,
    write(entryLevel, message, fields = {}) {
      if (RANKS[entryLevel] < RANKS[level]) return;
      held += toLine(timeText(clock()), entryLevel, message, fields);
      if (entryLevel === "error") flush();
      else if (!scheduled) {
        scheduled = true;
        setImmediate(flush);
      }
    },
  };
}

/** Returns the ISO 8601 form of an instant; calls of one millisecond share the text. */
function createTimeText(): (now: number) => string {
  let lastTime = Number.NaN;
  let lastText = "";
  return (now) => {
    if (now !== lastTime) {
      lastText = new Date(now).toISOString();
      lastTime = now;
    }
    return lastText;
  };
}

function toJsonLine(time: string, level: EntryLevel, message: string, fields: LogFields): string {
  return `${escaped({ time, level, message, ...fields })}\n`;
}

function toTextLine(time: string, level: EntryLevel, message: string, fields: LogFields): string {
  let line = `${time} ${level} ${message}`;
  // Object.entries would make an array for each field of each call.
  for (const name in fields) {
    const value = fields[name];
    if (value !== undefined) line += ` ${name}=${typeof value === "string" ? quoted(value) : value}`;
  }
  return `${line}\n`;
}

/** Quotes a value that would break the line or its fields apart. */
function quoted(text: string): string {
  return /^[\w.:/@+-]+$/.test(text) ? text : escaped(text);
}

/** Escapes what JSON allows but a terminal obeys: eight-bit control characters and line separators. */
function escaped(value: string | LogFields): string {
  return JSON.stringify(value).replace(
    /[\u007f-\u009f\u2028\u2029]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
