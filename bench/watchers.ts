/** Measures WatchEvents: how long events take to 1,100 watchers at half of the peak, and what watchers cost writers. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { OrganizationService } from "../gen/lockkeeper/organization/v1/organization_service_pb.ts";
import { UserService } from "../gen/lockkeeper/user/v1/user_service_pb.ts";
import { defer } from "../test/support/cleanup.ts";
import { startServer as startPostgres } from "./postgres/server.ts";
import { cpuSeconds, residentMib } from "./support/cpu-time.ts";
import { connectGrpc, createLanes, type GrpcConnections, type Lanes } from "./support/lanes.ts";
import { pinLoad } from "./support/load-tools.ts";
import { runPaced } from "./support/paced.ts";
import { spread } from "./support/report.ts";
import { conditionsOf, writeSection } from "./support/results.ts";
import { run, scope } from "./support/scope.ts";
import { canPin, lockkeeper, pushes, type Running, startServer } from "./support/servers.ts";
import { openWatchers, type Watchers, type WatchRequest } from "./support/watchers.ts";

const { values: flags } = parseArgs({
  options: {
    rounds: { type: "string", default: "3" },
    /** Of load in each round of each kind. */
    seconds: { type: "string", default: "4" },
    /** Watchers of one organization each, and watchers of everything. */
    organizations: { type: "string", default: "1000" },
    everything: { type: "string", default: "100" },
    /** The watchers of everything have filters of their own, which match every event. */
    distinct: { type: "boolean", default: false },
    /** 0: SQLite; else so many replicas on a PostgreSQL that is started. */
    replicas: { type: "string", default: "0" },
    write: { type: "boolean", default: false },
  },
});
const SECONDS = Number(flags.seconds);
const ORGANIZATIONS = Number(flags.organizations);
const EVERYTHING = Number(flags.everything);
const REPLICAS = Number(flags.replicas);
const USERS_PER_ORGANIZATION = Math.ceil(10_000 / ORGANIZATIONS);
const USERS = ORGANIZATIONS * USERS_PER_ORGANIZATION;
const WRITERS = 128;
const CONNECTIONS = 8;
const IMPORTS = 4;
const SETTLE_MS = 1_000;
/** So many watchers of everything read what they get, and so many of the watchers of one organization. */
const READING = { everything: 2, organizations: 50 } as const;
/** The server on the first core, the load and the watchers on the second; replicas and PostgreSQL need both. */
const COLUMN = REPLICAS === 0 && canPin() ? "one core" : "whole machine";
const PINNED = "The service has the first core, the load and the watchers the second.";
const { lockUser, unlockUser, importUsers } = UserService.method;

await run(main);

async function main(): Promise<void> {
  pinLoad(COLUMN);
  const folder = mkdtempSync(join(tmpdir(), "lockkeeper-bench-"));
  defer(scope, () => rmSync(folder, { recursive: true }));
  const services = await startAll(folder);
  const urls = services.map(({ url }) => url);
  const connections = urls.map((url) => connectGrpc(url, CONNECTIONS));
  defer(scope, () => {
    for (const each of connections) each.close();
  });
  await makeUsers(connections);
  const lanes = createLanes(
    WRITERS,
    (lane, step) => write(connections, lane, lane + WRITERS * (step >> 1), step),
    () => undefined,
  );
  await lanes.run(SECONDS);
  const lines: Lines = { without: [], beside: [], floor: [], p50: [], p99: [], mib: [] };
  for (let round = 0; round < Number(flags.rounds); round++) {
    lines.without.push(await fullSpeed(lanes, services));
    const watchers = await openWatchers({ urls, ...requestsOf() });
    lines.beside.push(await fullSpeed(lanes, services, watchers));
    await sleep(SETTLE_MS);
    await watchers.take();
    await pacedRound(connections, (lines.without.at(-1)?.rate ?? 0) / 2, watchers, lines);
    lines.mib.push(services.reduce((sum, { pid }) => sum + residentMib(pid), 0));
    await watchers.close();
    await sleep(SETTLE_MS);
    const beside = lines.beside.at(-1);
    if (REPLICAS === 0 && beside !== undefined) lines.floor.push(await measureFloor(folder, beside));
  }
  publish(rowsOf(lines));
}

/** Returns the time that raw node:http2 takes to send the watchers as much as they got for a change, in microseconds. */
async function measureFloor(folder: string, { rate, bytes }: Full): Promise<number> {
  const server = await startServer(pushes(Math.round(rate), Math.round(bytes / (EVERYTHING + 1))), folder, COLUMN);
  try {
    const watchers = await openWatchers({ urls: [server.url], requests: requestsOf().requests, reading: [] });
    await sleep(SETTLE_MS);
    const used = cpuSeconds(server.pid);
    await sleep(SECONDS * 1_000);
    const taken = cpuSeconds(server.pid) - used;
    await watchers.close();
    return (taken * 1e6) / (rate * SECONDS);
  } finally {
    await server.stop();
  }
}

/** A round at full speed. */
interface Full {
  /** Changes a second. */
  readonly rate: number;
  /** The services' time for each change. */
  readonly cpuMicros: number;
  /** The load's and the watchers' time, as a share of one core. */
  readonly load: number;
  /** What the watchers got for each change. */
  readonly bytes: number;
  /** How late they got it at the 99th percentile. */
  readonly p99: number;
}

/** What each round has measured. */
interface Lines {
  readonly without: Full[];
  readonly beside: Full[];
  /** Microseconds. */
  readonly floor: number[];
  /** Milliseconds. */
  readonly p50: number[];
  readonly p99: number[];
  readonly mib: number[];
}

async function fullSpeed(lanes: Lanes, services: readonly Running[], watchers?: Watchers): Promise<Full> {
  const used = (): number => services.reduce((sum, { pid }) => sum + cpuSeconds(pid), 0);
  await watchers?.take();
  const [service, load] = [used(), process.cpuUsage()];
  const { calls, seconds } = await lanes.run(SECONDS);
  const cpuMicros = ((used() - service) * 1e6) / calls;
  const { user, system } = process.cpuUsage(load);
  const got = await watchers?.take();
  return {
    rate: calls / seconds,
    cpuMicros,
    load: (user + system) / 1e6 / seconds,
    bytes: (got?.bytes ?? 0) / calls,
    p99: got?.delays.p99Ms ?? 0,
  };
}

function rowsOf(lines: Lines): readonly (readonly string[])[] {
  const { without, beside } = lines;
  const ratios = beside.map(({ rate }, index) => rate / (without[index]?.rate ?? Number.NaN));
  const of = (rounds: readonly Full[], name: keyof Full, digits = 0): string =>
    spread(
      rounds.map((round) => round[name]),
      digits,
    );
  return [
    ["changes/s without watchers", of(without, "rate"), ""],
    ["changes/s with them", of(beside, "rate"), ""],
    ["÷", `**${spread(ratios, 2)}**`, "0.90"],
    ["CPU µs of the service for a change, without watchers", of(without, "cpuMicros"), ""],
    ["CPU µs of the service for a change, with them", of(beside, "cpuMicros"), ""],
    ...(REPLICAS === 0
      ? [
          [
            "CPU µs of raw node:http2 that only sends as much to as many watchers, for a change",
            spread(lines.floor, 0),
            "",
          ],
        ]
      : []),
    ["cores that load and watchers use, without them", of(without, "load", 2), ""],
    ["cores that load and watchers use, with them", of(beside, "load", 2), ""],
    [
      "KiB that the watchers get for a change",
      spread(
        beside.map(({ bytes }) => bytes / 1024),
        1,
      ),
      "",
    ],
    ["at full speed: delay p99, ms", of(beside, "p99"), ""],
    ["at half of the peak: delay p50, ms", spread(lines.p50, 0), ""],
    ["at half of the peak: delay p99, ms", `**${spread(lines.p99, 0)}**`, REPLICAS === 0 ? "50" : "250"],
    ["resident, MiB", spread(lines.mib, 0), ""],
  ];
}

async function startAll(folder: string): Promise<readonly Running[]> {
  const database = REPLICAS === 0 ? undefined : (await startPostgres(scope)).url("postgres");
  const services: Running[] = [];
  for (let index = 0; index < Math.max(1, REPLICAS); index++) {
    const own = mkdtempSync(join(folder, "service-"));
    const server = lockkeeper("lockkeeper", ["--watch-streams-caller=100000", "--watch-streams=100000"], database);
    const running = await startServer(server, own, COLUMN);
    defer(scope, () => running.stop());
    services.push(running);
  }
  return services;
}

async function makeUsers([connections]: readonly GrpcConnections[]): Promise<void> {
  const { createOrganization } = OrganizationService.method;
  const make = async (index: number): Promise<void> => {
    const organizationId = `organization-${index}`;
    await connections?.call(index, createOrganization, { organizationId });
    const users = Array.from({ length: USERS_PER_ORGANIZATION }, (_, each) => ({
      userId: userOf(index + each * ORGANIZATIONS),
    }));
    await connections?.call(index, importUsers, { organizationId, users });
  };
  for (let first = 0; first < ORGANIZATIONS; first += IMPORTS) {
    const count = Math.min(IMPORTS, ORGANIZATIONS - first);
    await Promise.all(Array.from({ length: count }, (_, index) => make(first + index)));
  }
}

function userOf(index: number): string {
  return `user-${index % USERS}`;
}

/** An even step locks, the next one unlocks. */
async function write(connections: readonly GrpcConnections[], lane: number, user: number, step: number): Promise<void> {
  const own = connections[lane % connections.length];
  const userId = userOf(user);
  await (step % 2 === 0 ? own?.call(lane, lockUser, { userId }) : own?.call(lane, unlockUser, { userId }));
}

/** Each kind of watcher has connections of its own, spread over the services. */
function requestsOf(): { readonly requests: readonly WatchRequest[]; readonly reading: readonly number[] } {
  const everything = Array.from(
    { length: EVERYTHING },
    (_, index): WatchRequest =>
      flags.distinct ? { filter: `time>="2020-01-01T00:00:00.${String(index).padStart(3, "0")}Z"` } : {},
  );
  const organizations = Array.from({ length: ORGANIZATIONS }, (_, index) => ({
    organizationId: `organization-${index}`,
  }));
  const reading = [
    ...Array.from({ length: Math.min(EVERYTHING, READING.everything) }, (_, index) => index),
    ...Array.from({ length: Math.min(ORGANIZATIONS, READING.organizations) }, (_, index) => EVERYTHING + index),
  ];
  return { requests: [...everything, ...organizations], reading };
}

async function pacedRound(
  connections: readonly GrpcConnections[],
  perSecond: number,
  watchers: Watchers,
  lines: Pick<Lines, "p50" | "p99">,
): Promise<void> {
  const pairs = perSecond / 2;
  await runPaced(pairs, { settleMs: 0, seconds: SECONDS }, async (index) => {
    await write(connections, index, index, 0);
    await write(connections, index, index, 1);
  });
  await sleep(SETTLE_MS);
  const { delays } = await watchers.take();
  lines.p50.push(delays.p50Ms);
  lines.p99.push(delays.p99Ms);
  const expected = 2 * perSecond * SECONDS * 0.5;
  if (delays.calls < expected) throw new Error(`watchers got ${delays.calls} events of more than ${expected}`);
}

function publish(rows: readonly (readonly string[])[]): void {
  const kind = REPLICAS === 0 ? "SQLite" : `${REPLICAS} replicas on PostgreSQL`;
  const table = [["", "median (least to most)", "aim"], ["---", "---", "---"], ...rows];
  const text = `## Watchers, ${kind}

Made by \`npm run bench -- watchers --write${REPLICAS === 0 ? "" : ` --replicas ${REPLICAS}`}\` on ${conditionsOf()}.
${flags.rounds} rounds of ${SECONDS} s of each kind; ${ORGANIZATIONS} watchers of one organization each and ${EVERYTHING} of everything over gRPC, ${WRITERS} locks and
unlocks in flight. ${COLUMN === "one core" ? PINNED : "The services, the load and the watchers share the machine."}
The watchers walk over the frames of HTTP/2 and count bytes; ${READING.everything} of everything and ${READING.organizations} of an organization
decode what they get. The delay of an event is from its record time to the watcher.

${table.map((row) => `| ${row.join(" | ")} |`).join("\n")}
`;
  process.stdout.write(`\n${text}`);
  if (flags.write) writeSection(text);
}
