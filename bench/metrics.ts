/** Measures what a call pays for being measured, and what a scrape costs when every RPC was called on every wire. */
import { parseArgs } from "node:util";
import { RPC_PERMISSIONS } from "../src/auth/permissions.ts";
import { Metrics } from "../src/observability/metrics.ts";
import { spread } from "./support/report.ts";

const { values: flags } = parseArgs({
  options: {
    /** Calls of each round. */
    calls: { type: "string", default: "300000" },
    rounds: { type: "string", default: "7" },
  },
});

const WIRES = ["grpc", "grpc-web", "connect", "rest"];
const CODES = ["OK", "INVALID_ARGUMENT", "UNAUTHENTICATED"];
const rpcs = Object.keys(RPC_PERMISSIONS);

const metrics = new Metrics({ version: "bench" });
for (const rpc of rpcs) {
  for (const wire of WIRES) for (const code of CODES) metrics.call({ rpc, wire, code, reason: code, durationMs: 1 });
}

const callMicros: number[] = [];
const scrapeMs: number[] = [];
let scraped = "";
for (let round = 0; round < Number(flags.rounds); round++) {
  const calls = Number(flags.calls);
  const begin = performance.now();
  for (let call = 0; call < calls; call++) {
    metrics.call({ rpc: rpcs[call % rpcs.length], wire: "grpc", code: "OK", reason: undefined, durationMs: call % 50 });
  }
  callMicros.push(((performance.now() - begin) * 1000) / calls);
  const scrapeBegin = performance.now();
  scraped = await metrics.text();
  scrapeMs.push(performance.now() - scrapeBegin);
}

const series = scraped.split("\n").filter((line) => line !== "" && !line.startsWith("#")).length;
process.stdout.write(
  `a call: ${spread(callMicros, 2)} µs; a scrape of ${series} series, ${Math.round(scraped.length / 1024)} KiB: ${spread(scrapeMs, 2)} ms\n`,
);
process.exit();
