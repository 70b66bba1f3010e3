/** The histogram of calls: it writes the observations in a form that Prometheus reads. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Histogram, Registry } from "prom-client";
import { CallDurations } from "../../src/observability/call-durations.ts";
import { type Family, parseExposition } from "../support/exposition.ts";
import { seededRandom } from "../support/random.ts";

const NAME = "lab_duration_seconds";
const BUCKETS = [0.001, 0.25, 1, 10];

function samplesOf(families: ReadonlyMap<string, Family>): readonly string[] {
  const { samples = [] } = families.get(NAME) ?? {};
  return samples.map(({ name, labels, value }) => JSON.stringify([name, Object.entries(labels).sort(), value])).sort();
}

test("it writes what prom-client's histogram writes for the same observations", async (t) => {
  const { below, pick } = seededRandom(t);
  const registry = new Registry();
  const theirs = new Histogram({
    name: NAME,
    help: "Lab.",
    labelNames: ["rpc", "wire", "code"],
    buckets: BUCKETS,
    registers: [registry],
  });
  const ours = new CallDurations({ name: NAME, help: "Lab.", buckets: BUCKETS });
  for (let index = 0; index < 2000; index++) {
    const [rpc, wire, code] = [
      pick(["a.B/C", 'od"d\\na\nme', "unmatched"]),
      pick(["grpc", "rest"]),
      pick(["OK", "ABORTED"]),
    ];
    const seconds = pick([0, 0.001, 0.0011, 0.25, 1, 9.5, 10, 11, below(1000) / 1000]);
    ours.observe(rpc, wire, code, seconds);
    theirs.observe({ rpc, wire, code }, seconds);
  }
  assert.deepEqual(samplesOf(parseExposition(ours.text())), samplesOf(parseExposition(await registry.metrics())));
  assert.equal(parseExposition(ours.text()).get(NAME)?.help, "Lab.");
});

test("without observations there is no sample", () => {
  const text = new CallDurations({ name: NAME, help: "Lab.", buckets: BUCKETS }).text();
  assert.equal(text, `# HELP ${NAME} Lab.\n# TYPE ${NAME} histogram\n`);
});
