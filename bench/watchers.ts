/** Measures WatchEvents: how long events take to 1,100 watchers at half of the peak, and what watchers cost writers. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { OrganizationService } from "../gen/lockkeeper/organization/v1/organization_service_pb.ts";
import { UserService } from "../gen/lockkeeper/user/v1/user_service_pb.ts";
import { defer, type Scope } from "../test/support/cleanup.ts";
import { startServer as startPostgres } from "./postgres/server.ts";
import { residentMib } from "./support/cpu-time.ts";
import { connectGrpc, createLanes, type GrpcConnections } from "./support/lanes.ts";
import { runPaced } from "./support/paced.ts";
import { spread } from "./support/report.ts";
import { conditionsOf, writeSection } from "./support/results.ts";
import { lockkeeper, type Running, startServer } from "./support/servers.ts";
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
/** Of the watchers of everything; each organization's measures too. */
const MEASURING = 2;
const { lockUser, unlockUser, importUsers } = UserService.method;

const cleanups: (() => unknown)[] = [];
const scope: Scope = { after: (cleanup) => cleanups.push(cleanup) };
try {
  await main();
} finally {
  for (const cleanup of cleanups.toReversed()) await cleanup();
}

async function main(): Promise<void> {
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
  const without: number[] = [];
  const beside: number[] = [];
  const rates = async (into: number[]): Promise<void> => {
    const { calls, seconds } = await lanes.run(SECONDS);
    into.push(calls / seconds);
  };
  const lines = { p50: [] as number[], p99: [] as number[], mib: [] as number[], events: 0 };
  for (let round = 0; round < Number(flags.rounds); round++) {
    await rates(without);
    const watchers = await openWatchers({ urls, requests: requestsOf(), measuring: MEASURING + ORGANIZATIONS });
    await rates(beside);
    await sleep(SETTLE_MS);
    await watchers.take();
    await pacedRound(connections, (without.at(-1) ?? 0) / 2, watchers, lines);
    lines.mib.push(services.reduce((sum, { pid }) => sum + residentMib(pid), 0));
    await watchers.close();
    await sleep(SETTLE_MS);
  }
  const ratios = beside.map((rate, index) => rate / (without[index] ?? Number.NaN));
  publish([
    ["changes/s without watchers", spread(without, 0), ""],
    ["changes/s with them", spread(beside, 0), ""],
    ["÷", `**${spread(ratios, 2)}**`, "0.90"],
    ["at half of the peak: delay p50, ms", spread(lines.p50, 0), ""],
    ["at half of the peak: delay p99, ms", `**${spread(lines.p99, 0)}**`, REPLICAS === 0 ? "50" : "250"],
    ["resident, MiB", spread(lines.mib, 0), ""],
  ]);
}

async function startAll(folder: string): Promise<readonly Running[]> {
  const database = REPLICAS === 0 ? undefined : (await startPostgres(scope)).url("postgres");
  const services: Running[] = [];
  for (let index = 0; index < Math.max(1, REPLICAS); index++) {
    const own = mkdtempSync(join(folder, "service-"));
    const server = lockkeeper("lockkeeper", ["--watch-streams-caller=100000", "--watch-streams=100000"], database);
    const running = await startServer(server, own, "whole machine");
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

function requestsOf(): readonly WatchRequest[] {
  const everything = Array.from(
    { length: EVERYTHING },
    (_, index): WatchRequest =>
      flags.distinct ? { filter: `time>="2020-01-01T00:00:00.${String(index).padStart(3, "0")}Z"` } : {},
  );
  const organizations = Array.from({ length: ORGANIZATIONS }, (_, index) => ({
    organizationId: `organization-${index}`,
  }));
  return [...everything.slice(0, MEASURING), ...organizations, ...everything.slice(MEASURING)];
}

async function pacedRound(
  connections: readonly GrpcConnections[],
  perSecond: number,
  watchers: Watchers,
  lines: { readonly p50: number[]; readonly p99: number[] },
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
unlocks in flight. The services, the load and the watchers share the machine. The delay of an event is from its record time to the watcher.

${table.map((row) => `| ${row.join(" | ")} |`).join("\n")}
`;
  process.stdout.write(`\n${text}`);
  if (flags.write) writeSection(text);
}
