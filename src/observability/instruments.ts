/** Counters and histograms in Prometheus' text form: prom-client is loaded only when the process's metrics are read. */

export interface MetricHead {
  readonly name: string;
  /** One line. */
  readonly help: string;
}

/** Returns the first lines of a metric. */
export function headOf({ name, help }: MetricHead, kind: "counter" | "gauge" | "histogram"): string {
  return `# HELP ${name} ${help}\n# TYPE ${name} ${kind}\n`;
}

/** Returns a label as it appears in a sample. */
export function labelOf(name: string, value: string): string {
  return `${name}="${value.replace(/["\\]/g, "\\$&").replaceAll("\n", "\\n")}"`;
}

export class Counter {
  readonly #head: MetricHead;
  /** By the text of the labels. */
  readonly #counts = new Map<string, number>();

  constructor(head: MetricHead, { hasLabels } = { hasLabels: false }) {
    this.#head = head;
    if (!hasLabels) this.#counts.set("", 0);
  }

  /** Counts one; `labels` in braces, empty if the metric has none. */
  inc(labels = ""): void {
    this.#counts.set(labels, (this.#counts.get(labels) ?? 0) + 1);
  }

  text(): string {
    const samples = [...this.#counts].map(([labels, count]) => `${this.#head.name}${labels} ${count}\n`);
    return headOf(this.#head, "counter") + samples.join("");
  }
}

/** The observations of one set of labels. */
export class Buckets {
  /** Upper bounds, ascending. */
  readonly #bounds: readonly number[];
  /** Counts per bucket, not cumulative; the last is above all bounds. */
  readonly #counts: number[];
  #count = 0;
  #sum = 0;

  constructor(bounds: readonly number[]) {
    this.#bounds = bounds;
    this.#counts = new Array<number>(bounds.length + 1).fill(0);
  }

  observe(value: number): void {
    this.#count++;
    this.#sum += value;
    let bucket = 0;
    while (bucket < this.#bounds.length && value > (this.#bounds[bucket] as number)) bucket++;
    this.#counts[bucket] = (this.#counts[bucket] as number) + 1;
  }

  /** Returns the samples; `labels` without braces. */
  text(name: string, labels: string): string {
    const [before, all] = labels === "" ? ["", ""] : [`${labels},`, `{${labels}}`];
    let upTo = 0;
    const lines = this.#bounds.map((bound, index) => {
      upTo += this.#counts[index] as number;
      return `${name}_bucket{${before}le="${bound}"} ${upTo}`;
    });
    lines.push(`${name}_bucket{${before}le="+Inf"} ${this.#count}`);
    lines.push(`${name}_sum${all} ${this.#sum}`, `${name}_count${all} ${this.#count}`);
    return `${lines.join("\n")}\n`;
  }
}

export interface HistogramOptions extends MetricHead {
  /** Upper bounds, ascending. */
  readonly buckets: readonly number[];
}

/** A histogram without labels. */
export class Histogram {
  readonly #options: HistogramOptions;
  readonly #buckets: Buckets;

  constructor(options: HistogramOptions) {
    this.#options = options;
    this.#buckets = new Buckets(options.buckets);
  }

  observe(value: number): void {
    this.#buckets.observe(value);
  }

  text(): string {
    return headOf(this.#options, "histogram") + this.#buckets.text(this.#options.name, "");
  }
}
