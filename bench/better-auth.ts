/** Compares durable bans over REST with Better Auth's `ban-user`, by its admin plugin on the same kind of database. */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { connectJson, createLanes, type JsonConnections, type Lanes } from "./support/lanes.ts";
import { makeUsers, userIdOf } from "./support/make-users.ts";
import { spread } from "./support/report.ts";
import { type Running, SERVERS, startServer } from "./support/servers.ts";

const { values: flags } = parseArgs({
  options: {
    rounds: { type: "string", default: "5" },
    /** Of load in each round. */
    seconds: { type: "string", default: "3" },
    users: { type: "string", default: "10000" },
    /** Calls in flight. */
    lanes: { type: "string", default: "64" },
  },
});
const ROUNDS = Number(flags.rounds);
const SECONDS = Number(flags.seconds);
const USERS = Number(flags.users);
const LANES = Number(flags.lanes);

/** Bans and unbans users in turn; each lane has users of its own. */
function banLanes(
  connections: JsonConnections,
  ban: (user: number, isBan: boolean) => readonly [string, string],
): Lanes {
  return createLanes(
    LANES,
    (lane, step) => {
      const [path, body] = ban((lane + Math.floor(step / 2) * LANES) % USERS, step % 2 === 0);
      return connections.send("POST", path, body);
    },
    () => connections.close(),
  );
}

function oursOf({ url }: Running): Lanes {
  return banLanes(connectJson(url, LANES), (user, isBan) => [
    `/v1/users/${userIdOf(user)}:${isBan ? "ban" : "unban"}`,
    "{}",
  ]);
}

function theirsOf({ url, said }: Running): Lanes {
  const [, cookie = ""] = /^cookie (.*)$/m.exec(said) ?? [];
  const { origin } = new URL(url);
  const headers = { cookie, origin: origin.replace(/:\d+$/, ""), "content-type": "application/json" };
  return banLanes(connectJson(url, LANES, headers), (user, isBan) => [
    `/api/auth/admin/${isBan ? "ban" : "unban"}-user`,
    JSON.stringify({ userId: `user-${user}` }),
  ]);
}

const folder = mkdtempSync(join(tmpdir(), "lockkeeper-bench-"));
const running: Running[] = [];
try {
  const [own, other] = ["lockkeeper", "better-auth"].map((name) => join(folder, name));
  for (const each of [own, other]) mkdirSync(each ?? "");
  await makeUsers(join(own ?? "", "lockkeeper.db"), USERS);
  const server = join(import.meta.dirname, "peers/better-auth/server.ts");
  const betterAuth = {
    name: "Better Auth",
    words: (at: string) => [server, "--sqlite", join(at, "peer.db"), "--users", `${USERS}`],
    isClustered: false,
    isLockkeeper: false,
  };
  running.push(await startServer(SERVERS.lockkeeper, own ?? "", "whole machine"));
  running.push(await startServer(betterAuth, other ?? "", "whole machine"));
  const [ours, theirs] = running;
  if (ours === undefined || theirs === undefined) throw new Error("two servers are compared");
  const sides = [oursOf(ours), theirsOf(theirs)].map((lanes) => ({
    lanes,
    perSecond: [] as number[],
    p99: [] as number[],
  }));
  for (const { lanes } of sides) await lanes.run(1);
  for (let round = 0; round < ROUNDS; round++) {
    for (const { lanes, perSecond, p99 } of sides) {
      const { calls, seconds, p99Ms } = await lanes.run(SECONDS);
      perSecond.push(calls / seconds);
      p99.push(p99Ms);
    }
  }
  for (const { lanes } of sides) lanes.close();
  const [us, them] = sides;
  const ratios = us?.perSecond.map((each, index) => each / (them?.perSecond[index] ?? Number.NaN)) ?? [];
  process.stdout.write(
    `durable BanUser and UnbanUser over REST, ${LANES} in flight, ${ROUNDS} rounds of ${SECONDS} s\n`,
  );
  process.stdout.write(`lockkeeper: ${spread(us?.perSecond ?? [], 0)} calls/s, p99 ${spread(us?.p99 ?? [], 1)} ms\n`);
  process.stdout.write(
    `Better Auth: ${spread(them?.perSecond ?? [], 0)} calls/s, p99 ${spread(them?.p99 ?? [], 1)} ms\n`,
  );
  process.stdout.write(`ratio: ${spread(ratios, 1)}\n`);
} finally {
  for (const each of running) await each.stop();
  rmSync(folder, { recursive: true });
}
