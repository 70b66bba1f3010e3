/** Counters and histograms: they write what prom-client writes for the same observations. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Registry, Counter as TheirCounter, Histogram as TheirHistogram } from "prom-client";
import { Counter, Histogram, labelOf } from "../../src/observability/instruments.ts";
import { parseExposition } from "../support/exposition.ts";

const LAB = { name: "lab_total", help: "Lab." };

test("they write what prom-client writes", async () => {
  const registry = new Registry();
  const registers = [registry];
  const buckets = [1, 2, 4];
  const plain = new Counter(LAB);
  const labelled = new Counter({ ...LAB, name: "lab_labelled_total" }, { hasLabels: true });
  const histogram = new Histogram({ ...LAB, name: "lab_seconds", buckets });
  const theirPlain = new TheirCounter({ ...LAB, registers });
  const theirLabelled = new TheirCounter({ ...LAB, name: "lab_labelled_total", labelNames: ["code"], registers });
  const theirHistogram = new TheirHistogram({ ...LAB, name: "lab_seconds", buckets, registers });
  const assertSame = async (): Promise<void> => {
    const text = plain.text() + labelled.text() + histogram.text();
    assert.deepEqual(parseExposition(text), parseExposition(await registry.metrics()));
  };
  await assertSame();
  for (const value of [0, 1, 1.5, 4, 5]) {
    const code = `a"b\\c\n${value > 1}`;
    plain.inc();
    theirPlain.inc();
    labelled.inc(`{${labelOf("code", code)}}`);
    theirLabelled.inc({ code });
    histogram.observe(value);
    theirHistogram.observe(value);
  }
  await assertSame();
});
