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

/** The counts of a counter, by the text of the labels. */
export type CounterFigures = readonly (readonly [labels: string, count: number])[];

/** The observations of one set of labels. */
export interface BucketFigures {
  readonly counts: readonly number[];
  readonly count: number;
  readonly sum: number;
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

  /** Adds the counts of another thread. */
  add(figures: CounterFigures): void {
    for (const [labels, count] of figures) this.#counts.set(labels, (this.#counts.get(labels) ?? 0) + count);
  }

  /** The counts as plain data. */
  get figures(): CounterFigures {
    return [...this.#counts];
  }

  /** Returns the lines of an exposition. `others`: the counts of other threads, which are added. */
  text(others: readonly CounterFigures[] = []): string {
    const counts = new Map(this.#counts);
    for (const [labels, count] of others.flat()) counts.set(labels, (counts.get(labels) ?? 0) + count);
    const samples = [...counts].map(([labels, count]) => `${this.#head.name}${labels} ${count}\n`);
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

  /** The observations as plain data. */
  get figures(): BucketFigures {
    return { counts: this.#counts, count: this.#count, sum: this.#sum };
  }

  /** Adds the observations of another thread, over the same bounds. */
  add({ counts, count, sum }: BucketFigures): void {
    this.#count += count;
    this.#sum += sum;
    for (const [bucket, more] of counts.entries()) this.#counts[bucket] = (this.#counts[bucket] as number) + more;
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

  /** Adds the observations of another thread, over the same bounds. */
  add(figures: BucketFigures): void {
    this.#buckets.add(figures);
  }

  get figures(): BucketFigures {
    return this.#buckets.figures;
  }

  /** Returns the lines of an exposition. `others`: the observations of other threads, which are added. */
  text(others: readonly BucketFigures[] = []): string {
    if (others.length > 0) return sumOf(this.#options, [this.figures, ...others]);
    return headOf(this.#options, "histogram") + this.#buckets.text(this.#options.name, "");
  }
}

function sumOf(options: HistogramOptions, all: readonly BucketFigures[]): string {
  const sum = new Buckets(options.buckets);
  for (const each of all) sum.add(each);
  return headOf(options, "histogram") + sum.text(options.name, "");
}
