/** Drives a server with h2load or wrk where they are installed, else with lanes of this process: one tool for both sides. */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { checkAnswers, repeatGrpc, repeatHttp1 } from "./bundled-load.ts";
import { connectJson, type Lanes } from "./lanes.ts";
import { type Repeated, type Sample, sampleOf, type Turn } from "./load.ts";
import { userIdOf } from "./make-users.ts";
import { findProgram } from "./programs.ts";
import { type Column, canPin } from "./servers.ts";

/** How a case is driven. h2load repeats one request; wrk spreads `path` over users by `{user}`; lanes do anything. */
export type Drive =
  | (Requests & { readonly tool: "h2load"; readonly streams: number })
  | (Requests & { readonly tool: "wrk"; readonly users: number })
  | { readonly tool: "lanes"; readonly open: (url: string) => Lanes };

interface Requests {
  readonly request: Repeated;
  readonly turns: readonly Turn[];
  readonly connections: number;
}

/** Sends what a load sends and throws unless status and content are right. Lanes see to each of their answers themselves. */
export async function checkSample(drive: Drive, url: string): Promise<void> {
  if (drive.tool !== "lanes") await checkAnswers(drive.request, drive.turns, url);
}

/** Runs one round. Throws when any answer is not a success as far as the tool sees it. */
export async function runRound(drive: Drive, url: string, seconds: number, column: Column): Promise<Sample> {
  if (drive.tool === "lanes" || findProgram(drive.tool) === undefined) {
    const lanes = openLanes(drive, url);
    try {
      return await lanes.run(seconds);
    } finally {
      lanes.close();
    }
  }
  const folder = mkdtempSync(join(tmpdir(), "lockkeeper-load-"));
  try {
    return drive.tool === "h2load"
      ? await runH2load(drive, url, seconds, column, folder)
      : await runWrk(drive, url, seconds, column, folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function openLanes(drive: Drive, url: string): Lanes {
  if (drive.tool === "lanes") return drive.open(url);
  const { request, connections, turns } = drive;
  return drive.tool === "h2load"
    ? repeatGrpc(request, url, connections, drive.streams)
    : repeatHttp1(request, url, { connections, users: drive.users, acts: actsOf(turns) });
}

/** Durable writes get faster for longer than reads: the log and the file grow to the size that they keep. */
const WARM_UP_SECONDS = { h2load: 2, wrk: 2, lanes: 6 } as const;

/** Lets a server compile its code and fill its caches before it is measured. */
export async function warmUp(drive: Drive, url: string, column: Column): Promise<void> {
  await settle(drive, url, await runRound(drive, url, WARM_UP_SECONDS[drive.tool], column));
}

/** In a load of two turns so many users get the first, and then the second: more calls than pass while one of them waits. */
const USERS_PER_BLOCK = 4096;

/** Gives the second turn to users who have only had the first when a round of wrk ends. Otherwise the next round is refused. */
export async function settle(drive: Drive, url: string, { calls }: Sample): Promise<void> {
  if (drive.tool !== "wrk" || drive.turns.length !== 2 || findProgram("wrk") === undefined) return;
  const { request, connections, users } = drive;
  const [, act = ""] = actsOf(drive.turns);
  const http1 = connectJson(url, connections, request.headers);
  const block = (step: number): number => Math.max(0, Math.floor(step / (2 * USERS_PER_BLOCK))) * USERS_PER_BLOCK;
  const end = block(calls + connections) + USERS_PER_BLOCK;
  const sent: Promise<void>[] = [];
  for (let pair = block(calls - connections); pair < end; pair++) {
    const path = request.path.replace("{user}", userIdOf((pair * STRIDE) % users)).replace("{act}", act);
    // Who has had both turns is refused.
    const each = http1.send(request.method, path, Buffer.from(request.body).toString()).catch((error: unknown) => {
      if (!(error instanceof Error && error.message.endsWith(": 400"))) throw error;
    });
    sent.push(each);
  }
  await Promise.all(sent);
  http1.close();
}

function actsOf(turns: readonly Turn[]): readonly string[] {
  return turns.map(({ act = "" }) => act);
}

/** Pins the load that this process makes itself to the second core where the server has the first. */
export function pinLoad(column: Column): void {
  if (canPin()) spawnSync("taskset", ["-acp", column === "one core" ? "1" : "0-4095", `${process.pid}`]);
}

/** Returns the tools that are missing. */
export function missingTools(): readonly string[] {
  return ["h2load", "wrk"].filter((name) => findProgram(name) === undefined);
}

async function runH2load(
  { request, connections, streams }: Extract<Drive, { tool: "h2load" }>,
  url: string,
  seconds: number,
  column: Column,
  folder: string,
): Promise<Sample> {
  const body = join(folder, "body");
  const log = join(folder, "log");
  writeFileSync(body, request.body);
  const headers = Object.entries(request.headers).flatMap(([name, value]) => ["-H", `${name}: ${value}`]);
  const words = [`-c${connections}`, `-m${streams}`, `-D${seconds}`, "-t1", "-d", body, `--log-file=${log}`];
  const printed = await output("h2load", [...words, ...headers, url + request.path], column);
  const [, failed = "?"] = /requests: .* (\d+) failed/.exec(printed) ?? [];
  const [, bad = "?"] = /status codes: \d+ 2xx, (\d+ 3xx, \d+ 4xx, \d+ 5xx)/.exec(printed) ?? [];
  if (failed !== "0" || bad !== "0 3xx, 0 4xx, 0 5xx") throw new Error(`h2load: ${failed} failed, ${bad}\n${printed}`);
  const micros = readFileSync(log, "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => Number(line.split("\t")[2]));
  return sampleOf(Float64Array.from(micros, (each) => each / 1000).sort(), seconds);
}

async function runWrk(
  { request, turns, connections, users }: Extract<Drive, { tool: "wrk" }>,
  url: string,
  seconds: number,
  column: Column,
  folder: string,
): Promise<Sample> {
  const script = join(folder, "load.lua");
  writeFileSync(script, luaOf(request, actsOf(turns), users));
  const words = ["-t1", `-c${connections}`, `-d${seconds}s`, "--latency", "-s", script, url];
  const printed = await output("wrk", words, column);
  const [, calls = "0", took = "0"] = /(\d+) requests in ([\d.]+)s/.exec(printed) ?? [];
  if (/Non-2xx|Socket errors/.test(printed) || calls === "0") throw new Error(`wrk: ${printed}`);
  const at = (share: string): number => wrkMs(printed, share);
  return { calls: Number(calls), seconds: Number(took), p50Ms: at("50%"), p99Ms: at("99%"), p999Ms: Number.NaN };
}

/** Coprime to the numbers of users that are usual: users come in no order that pages or caches like. */
export const STRIDE = 7_919;

/**
 * A script that asks for one user after another. With two acts a block of users gets the first, then the same block the
 * second: wrk does not tell on which connection a request goes, so a user's two requests must be far from each other.
 */
function luaOf(
  { path, method, headers, body }: Repeated,
  [first = "", second]: readonly string[],
  users: number,
): string {
  const lines = Object.entries(headers).map(([name, value]) => `wrk.headers["${name}"] = "${value}"`);
  const block = USERS_PER_BLOCK;
  const [pair, act] =
    second === undefined
      ? ["step", `"${first}"`]
      : [
          `math.floor(step / ${2 * block}) * ${block} + step % ${block}`,
          `step % ${2 * block} < ${block} and "${first}" or "${second}"`,
        ];
  return `${lines.join("\n")}
wrk.method = "${method}"
-- At its start wrk asks for a request that it does not send.
local step = -2
request = function()
  step = step + 1
  local pair = ${pair}
  local user = string.format("0190a000-0000-7000-8000-%012x", (pair * ${STRIDE}) % ${users})
  local path = ("${path}"):gsub("{user}", user):gsub("{act}", ${act})
  local body = "${escapedLua(body)}"
  return wrk.format(nil, path, nil, body ~= "" and body:gsub("{user}", user) or nil)
end
`;
}

function escapedLua(bytes: Uint8Array): string {
  return [...bytes].map((byte) => `\\${byte.toString().padStart(3, "0")}`).join("");
}

function wrkMs(printed: string, share: string): number {
  const [, number = "NaN", unit = "ms"] = new RegExp(`${share}\\s+([\\d.]+)(us|ms|s)`).exec(printed) ?? [];
  return Number(number) * { us: 0.001, ms: 1, s: 1000 }[unit as "us" | "ms" | "s"];
}

/** Returns what a load tool prints; on one core it gets the second, the server has the first. */
async function output(program: string, words: readonly string[], column: Column): Promise<string> {
  const [first = "", ...rest] = column === "one core" ? ["taskset", "-c", "1", program, ...words] : [program, ...words];
  const child = spawn(first, rest, { stdio: ["ignore", "pipe", "pipe"] });
  let printed = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (text: Buffer) => {
      printed += text.toString();
    });
  }
  const [code] = (await once(child, "close")) as [number | null];
  if (code !== 0) throw new Error(`${program} ended with ${code}: ${printed}`);
  return printed;
}
