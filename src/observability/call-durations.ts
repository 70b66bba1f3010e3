/** The histogram of calls in Prometheus' text form; prom-client validates and hashes its labels for every call. */
import { type BucketFigures, Buckets, type HistogramOptions, headOf, labelOf } from "./instruments.ts";

interface Cell {
  /** `rpc="…",wire="…",code="…"`. */
  readonly labels: string;
  readonly buckets: Buckets;
}

/** The observations of each set of labels. */
export type CallFigures = readonly (readonly [rpc: string, wire: string, code: string, figures: BucketFigures])[];

/** By wire, then by code. */
type Cells = Map<string, Map<string, Cell>>;

export class CallDurations {
  readonly #options: HistogramOptions;
  readonly #byRpc = new Map<string, Cells>();

  constructor(options: HistogramOptions) {
    this.#options = options;
  }

  observe(rpc: string, wire: string, code: string, seconds: number): void {
    this.#cell(rpc, wire, code).buckets.observe(seconds);
  }

  /** Adds the observations of another thread. */
  add(figures: CallFigures): void {
    for (const [rpc, wire, code, buckets] of figures) this.#cell(rpc, wire, code).buckets.add(buckets);
  }

  /** The observations as plain data. */
  get figures(): CallFigures {
    return [...this.#byRpc].flatMap(([rpc, byWire]) =>
      [...byWire].flatMap(([wire, byCode]) =>
        [...byCode].map(([code, { buckets }]) => [rpc, wire, code, buckets.figures] as const),
      ),
    );
  }

  /** Returns the lines of an exposition. `others`: the observations of other threads, which are added. */
  text(others: readonly CallFigures[] = []): string {
    if (others.length > 0) return this.#sumWith(others).text();
    const cells = [...this.#byRpc.values()].flatMap((byWire) => [...byWire.values()].flatMap((by) => [...by.values()]));
    const samples = cells.map(({ labels, buckets }) => buckets.text(this.#options.name, labels));
    return headOf(this.#options, "histogram") + samples.join("");
  }

  #sumWith(others: readonly CallFigures[]): CallDurations {
    const sum = new CallDurations(this.#options);
    for (const figures of [this.figures, ...others]) sum.add(figures);
    return sum;
  }

  #cell(rpc: string, wire: string, code: string): Cell {
    return this.#byRpc.get(rpc)?.get(wire)?.get(code) ?? this.#addCell(rpc, wire, code);
  }

  #addCell(rpc: string, wire: string, code: string): Cell {
    const cells: Cells = this.#byRpc.get(rpc) ?? new Map();
    const byCode = cells.get(wire) ?? new Map<string, Cell>();
    const labels = [labelOf("rpc", rpc), labelOf("wire", wire), labelOf("code", code)].join(",");
    const cell = { labels, buckets: new Buckets(this.#options.buckets) };
    byCode.set(code, cell);
    cells.set(wire, byCode);
    this.#byRpc.set(rpc, cells);
    return cell;
  }
}
