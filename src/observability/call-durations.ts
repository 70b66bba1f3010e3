/** The histogram of calls in Prometheus' text form; prom-client validates and hashes its labels for every call. */
import { Buckets, type HistogramOptions, headOf, labelOf } from "./instruments.ts";

interface Cell {
  /** `rpc="…",wire="…",code="…"`. */
  readonly labels: string;
  readonly buckets: Buckets;
}

/** By wire, then by code. */
type Cells = Map<string, Map<string, Cell>>;

export class CallDurations {
  readonly #options: HistogramOptions;
  readonly #byRpc = new Map<string, Cells>();

  constructor(options: HistogramOptions) {
    this.#options = options;
  }

  observe(rpc: string, wire: string, code: string, seconds: number): void {
    const cell = this.#byRpc.get(rpc)?.get(wire)?.get(code) ?? this.#addCell(rpc, wire, code);
    cell.buckets.observe(seconds);
  }

  /** Returns the lines of an exposition. */
  text(): string {
    const cells = [...this.#byRpc.values()].flatMap((byWire) => [...byWire.values()].flatMap((by) => [...by.values()]));
    const samples = cells.map(({ labels, buckets }) => buckets.text(this.#options.name, labels));
    return headOf(this.#options, "histogram") + samples.join("");
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
