/** `lockkeeper status` and `lockkeeper whoami`: whether the service answers, and which caller it sees. */
import type { WhoAmIResponse } from "../../../gen/lockkeeper/admin/v1/admin_service_pb.ts";
import { defineCommand } from "../frame/command.ts";
import type { Output } from "../frame/output.ts";
import { hasKey } from "../frame/service/connection.ts";
import { fieldLines } from "../frame/text.ts";

function callerFields(response: WhoAmIResponse, { time }: Output): readonly (readonly [string, string])[] {
  const { actor, displayName, role, permissions, organizationId, expireTime } = response;
  return [
    ["actor", actor],
    ["name", displayName],
    ["role", role],
    ["permissions", permissions.join(", ")],
    ["organization", organizationId || "the whole instance"],
    ["expires", time(expireTime) || "never"],
  ];
}

export const whoami = defineCommand({
  name: "whoami",
  meaning: "show whose key this is: actor, scope, permissions, expiry",
  reach: "instance",
  words: {},
  flags: {},
  examples: [
    ["whoami", "with the key of the environment or the profile"],
    ["whoami --json | jq -r .permissions[]", "in a script"],
  ],
  async run(_, { client, output }) {
    const response = await (await client("admin")).whoAmI({});
    const lines = (): string => fieldLines(callerFields(response, output));
    await output.result(response, { lines, name: () => response.actor });
    return "done";
  },
});

export const status = defineCommand({
  name: "status",
  meaning:
    "show whether the service answers, how fast, and whether its clock agrees; exit code 6 if it does not answer",
  reach: "instance",
  words: {},
  flags: {},
  examples: [
    ["status", "the service that the other commands would call; needs no key"],
    ["status --server https://locks.example && ./deploy.sh", "in a script"],
  ],
  async run(_, { client, output, address, terminal }) {
    const server = address.server.origin;
    const name = (): string => server;
    if (!hasKey(address)) {
      const health = await client("health");
      const [answerMs] = await timed(() => health.check({}));
      const fields = [
        ["server", server],
        ["answers", `yes, in ${answerMs} ms`],
        ["key", NO_KEY],
      ] as const;
      await output.object({ server, answerMs }, { name, lines: () => fieldLines(fields) });
      return "done";
    }
    const admin = await client("admin");
    const [answerMs, response] = await timed(() => admin.whoAmI({}));
    const { serverTime, actor } = response;
    const serverMs =
      serverTime === undefined ? terminal.now() : Number(serverTime.seconds) * 1000 + serverTime.nanos / 1e6;
    const clockAheadMs = Math.round(serverMs + answerMs / 2 - terminal.now());
    await output.object(
      { server, answerMs, clockAheadMs, actor },
      {
        name,
        lines: () =>
          fieldLines([
            ["server", server],
            ["answers", `yes, in ${answerMs} ms`],
            ["its clock", clockText(clockAheadMs)],
            ["actor", actor],
            ["organization", response.organizationId || "the whole instance"],
          ]),
      },
    );
    return "done";
  },
});

const NO_KEY = "none; with one, the clock, the actor and its organization are shown";

/** Returns the whole milliseconds that a second call takes, and its answer; the first call opens the connection. */
async function timed<T>(call: () => Promise<T>): Promise<readonly [ms: number, answer: T]> {
  await call();
  const begin = performance.now();
  const answer = await call();
  return [Math.round(performance.now() - begin), answer];
}

/** The largest difference of clocks that does not matter. */
const CLOCK_TOLERANCE_MS = 2_000;

function clockText(aheadMs: number): string {
  if (Math.abs(aheadMs) <= CLOCK_TOLERANCE_MS) return "agrees with this machine's";
  return `${(Math.abs(aheadMs) / 1000).toFixed(1)} s ${aheadMs > 0 ? "ahead of" : "behind"} this machine's`;
}
