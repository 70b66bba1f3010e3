/** Prometheus' text format, read strictly: whatever breaks its rules fails. */
import assert from "node:assert/strict";

export type Labels = Readonly<Record<string, string>>;

export interface Sample {
  /** With `_bucket`, `_sum` or `_count` behind a histogram's name. */
  readonly name: string;
  readonly labels: Labels;
  readonly value: number;
}

export interface Family {
  readonly name: string;
  readonly type: "counter" | "gauge" | "histogram";
  readonly help: string;
  readonly samples: Sample[];
}

const SAMPLE = /^(?<name>[a-zA-Z_:][\w:]*)(?:\{(?<labels>.*)\})? (?<value>\S+)$/;
const LABEL = /(?<name>[a-zA-Z_]\w*)="(?<value>(?:[^"\\\n]|\\[\\"n])*)"(?:,|$)/y;

/** The families by name. */
export function parseExposition(text: string): ReadonlyMap<string, Family> {
  assert.ok(text.endsWith("\n"), "the last line is not ended");
  const families = new Map<string, Family>();
  let help: readonly [name: string, text: string] | undefined;
  let family: Family | undefined;
  for (const line of text.split("\n").filter((each) => each !== "")) {
    const [, keyword, name = "", rest = ""] = /^# (HELP|TYPE) (\S+) (.+)$/.exec(line) ?? [];
    if (keyword === "HELP") help = [name, rest];
    else if (keyword === "TYPE") {
      assert.equal(help?.[0], name, `${name} has no help before its type`);
      assert.ok(rest === "counter" || rest === "gauge" || rest === "histogram", line);
      assert.ok(!families.has(name), `${name} comes twice`);
      family = { name, type: rest, help: help[1], samples: [] };
      families.set(name, family);
    } else addSample(family, line);
  }
  for (const each of families.values()) checkFamily(each);
  return families;
}

function addSample(family: Family | undefined, line: string): void {
  const groups = SAMPLE.exec(line)?.groups;
  assert.ok(groups !== undefined, `not a sample: ${line}`);
  const { name = "", labels = "", value = "" } = groups;
  const base = family?.type === "histogram" ? name.replace(/_(?:bucket|sum|count)$/, "") : name;
  assert.ok(family !== undefined && base === family.name, `${line} stands below ${family?.name}`);
  assert.match(value, /^(?:[+-]?Inf|NaN|[+-]?[\d.]+(?:e[+-]?\d+)?)$/, line);
  const sample = { name, labels: parseLabels(labels), value: Number(value.replace("Inf", "Infinity")) };
  assert.ok(!family.samples.some((other) => isSame(other, sample)), `${line} comes twice`);
  family.samples.push(sample);
}

function parseLabels(text: string): Labels {
  const labels: Record<string, string> = {};
  LABEL.lastIndex = 0;
  for (let end = 0; end < text.length; end = LABEL.lastIndex) {
    const groups = LABEL.exec(text)?.groups;
    assert.ok(groups !== undefined, `not labels: ${text}`);
    const { name = "", value = "" } = groups;
    assert.ok(!Object.hasOwn(labels, name), `${name} comes twice in ${text}`);
    labels[name] = value.replace(/\\(.)/g, (_, c: string) => (c === "n" ? "\n" : c));
  }
  return labels;
}

function isSame(a: Sample, b: Sample): boolean {
  return a.name === b.name && keyOf(a.labels) === keyOf(b.labels);
}

function keyOf(labels: Labels): string {
  return JSON.stringify(Object.entries(labels).sort());
}

function checkFamily({ name, type, samples }: Family): void {
  if (type === "counter") assert.match(name, /_total$/, `the counter ${name} does not end in _total`);
  if (type !== "gauge") for (const { value } of samples) assert.ok(value >= 0, name);
  if (type !== "histogram") return;
  const groups = Map.groupBy(samples, ({ labels: { le: _, ...others } }) => keyOf(others));
  for (const [key, group] of groups) {
    const buckets = group.filter((sample) => sample.name === `${name}_bucket`);
    const bounds = buckets.map(({ labels }) => Number(labels.le?.replace("Inf", "Infinity")));
    assert.deepEqual(
      bounds,
      [...bounds].sort((a, b) => a - b),
    );
    assert.equal(bounds.at(-1), Number.POSITIVE_INFINITY, `${name}${key} has no bucket for all`);
    const counts = buckets.map(({ value }) => value);
    assert.deepEqual(
      counts,
      [...counts].sort((a, b) => a - b),
      `${name}${key} does not add up`,
    );
    const count = group.find((sample) => sample.name === `${name}_count`)?.value;
    assert.equal(count, counts.at(-1), `${name}${key} counts differently`);
    assert.ok(group.some((sample) => sample.name === `${name}_sum`));
  }
}

/** The sum of the samples of this name that have these labels. */
export function sumOf(families: ReadonlyMap<string, Family>, name: string, labels: Labels = {}): number {
  const family = families.get(name) ?? families.get(name.replace(/_(?:bucket|sum|count)$/, ""));
  assert.ok(family !== undefined, `there is no metric ${name}`);
  const found = family.samples.filter(
    (sample) =>
      sample.name === name && Object.entries(labels).every(([label, value]) => sample.labels[label] === value),
  );
  return found.reduce((sum, { value }) => sum + value, 0);
}
