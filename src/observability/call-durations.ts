/** The histogram of calls in Prometheus' text form; prom-client validates and hashes its labels for every call. */

interface Cell {
  /** `rpc="…",wire="…",code="…"`. */
  readonly labels: string;
  /** Counts per bucket, not cumulative; the last is above all bounds. */
  readonly counts: number[];
  count: number;
  sum: number;
}

/** By wire, then by code. */
type Cells = Map<string, Map<string, Cell>>;

export interface CallDurationsOptions {
  readonly name: string;
  /** One line. */
  readonly help: string;
  /** Upper bounds in seconds, ascending. */
  readonly buckets: readonly number[];
}

export class CallDurations {
  readonly #options: CallDurationsOptions;
  readonly #byRpc = new Map<string, Cells>();

  constructor(options: CallDurationsOptions) {
    this.#options = options;
  }

  observe(rpc: string, wire: string, code: string, seconds: number): void {
    const cell = this.#byRpc.get(rpc)?.get(wire)?.get(code) ?? this.#addCell(rpc, wire, code);
    cell.count++;
    cell.sum += seconds;
    const { buckets } = this.#options;
    let bucket = 0;
    while (bucket < buckets.length && seconds > (buckets[bucket] as number)) bucket++;
    cell.counts[bucket] = (cell.counts[bucket] as number) + 1;
  }

  /** Returns the lines of an exposition. */
  text(): string {
    const { name, help, buckets } = this.#options;
    const lines = [`# HELP ${name} ${help}`, `# TYPE ${name} histogram`];
    for (const cells of this.#byRpc.values()) {
      for (const byCode of cells.values()) {
        for (const { labels, counts, count, sum } of byCode.values()) {
          let upTo = 0;
          for (const [index, bound] of buckets.entries()) {
            upTo += counts[index] as number;
            lines.push(`${name}_bucket{${labels},le="${bound}"} ${upTo}`);
          }
          lines.push(`${name}_bucket{${labels},le="+Inf"} ${count}`);
          lines.push(`${name}_sum{${labels}} ${sum}`, `${name}_count{${labels}} ${count}`);
        }
      }
    }
    return `${lines.join("\n")}\n`;
  }

  #addCell(rpc: string, wire: string, code: string): Cell {
    const cells: Cells = this.#byRpc.get(rpc) ?? new Map();
    const byCode = cells.get(wire) ?? new Map<string, Cell>();
    const labels = `rpc="${escaped(rpc)}",wire="${escaped(wire)}",code="${escaped(code)}"`;
    const cell = { labels, counts: new Array<number>(this.#options.buckets.length + 1).fill(0), count: 0, sum: 0 };
    byCode.set(code, cell);
    cells.set(wire, byCode);
    this.#byRpc.set(rpc, cells);
    return cell;
  }
}

function escaped(value: string): string {
  return value.replace(/["\\]/g, "\\$&").replaceAll("\n", "\\n");
}
