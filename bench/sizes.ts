/** Measures what the number of users costs: reads and durable locks on databases of several sizes, interleaved. */
import { parseArgs } from "node:util";
import { restUser } from "./support/cases.ts";
import { cpuSeconds, residentMib } from "./support/cpu-time.ts";
import { DATABASES_FOLDER, databaseOf } from "./support/databases.ts";
import { lockMixGrpc } from "./support/drives.ts";
import { type Drive, pinLoad, runRound, warmUp } from "./support/load-tools.ts";
import { printTable, spread } from "./support/report.ts";
import { canPin, type Running, SERVERS, startServer } from "./support/servers.ts";

const { values: flags } = parseArgs({
  options: {
    /** Numbers of users; the first is what the others are divided by. */
    sizes: { type: "string", default: "10000,100000,1000000,10000000" },
    rounds: { type: "string", default: "5" },
    /** Of load in each round. */
    seconds: { type: "string", default: "3" },
    folder: { type: "string", default: DATABASES_FOLDER },
  },
});
const SIZES = flags.sizes.split(",").map(Number);
const COLUMN = canPin() ? "one core" : "whole machine";

interface Side {
  readonly users: number;
  readonly running: Running;
  readonly perSecond: number[];
  readonly cpuMicros: number[];
  readonly p99Ms: number[];
}

const folders: string[] = [];
for (const users of SIZES) folders.push(await databaseOf(users, flags.folder));
pinLoad(COLUMN);
const servers: Running[] = [];
try {
  for (const folder of folders) servers.push(await startServer(SERVERS.lockkeeper, folder, COLUMN));
  await compare("GET /v1/users/{id}", restUser);
  await compare("durable LockUser and UnlockUser over gRPC, 128 in flight", lockMixGrpc);
} finally {
  for (const running of servers) await running.stop();
}

async function compare(what: string, driveOf: (users: number) => Drive): Promise<void> {
  const sides = servers.map((running, index): Side => {
    return { users: SIZES[index] ?? 0, running, perSecond: [], cpuMicros: [], p99Ms: [] };
  });
  for (const { users, running } of sides) await warmUp(driveOf(users), running.url, COLUMN);
  for (let round = 0; round < Number(flags.rounds); round++) {
    for (const { users, running, perSecond, cpuMicros, p99Ms } of sides) {
      const before = cpuSeconds(running.pid);
      const sample = await runRound(driveOf(users), running.url, Number(flags.seconds), COLUMN);
      perSecond.push(sample.calls / sample.seconds);
      cpuMicros.push(((cpuSeconds(running.pid) - before) / sample.calls) * 1e6);
      p99Ms.push(sample.p99Ms);
    }
  }
  const [first] = sides;
  process.stdout.write(`\n${what} (${COLUMN})\n`);
  printTable([
    ["users", "calls/s", "CPU us a call", "p99 ms", "÷ first", "MiB"],
    ...sides.map(({ users, running, perSecond, cpuMicros, p99Ms }) => [
      users.toString(),
      spread(perSecond, 0),
      spread(cpuMicros, 0),
      spread(p99Ms, 1),
      spread(
        perSecond.map((each, round) => each / (first?.perSecond[round] ?? Number.NaN)),
        2,
      ),
      residentMib(running.pid).toFixed(0),
    ]),
  ]);
}
