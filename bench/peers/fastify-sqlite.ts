/** Fastify over better-sqlite3: locks and unlocks as one durable transaction a call. */
import { parseArgs } from "node:util";
import { fastify } from "fastify";
import { USER_JSON } from "./answers.ts";
import { openLocks } from "./sqlite-locks.ts";

const { values: flags } = parseArgs({ options: { sqlite: { type: "string", default: ":memory:" } } });
const locks = openLocks(flags.sqlite);
const { user: USER } = JSON.parse(USER_JSON) as { readonly user: object };

const app = fastify();
app.post<{ Params: { call: string } }>("/v1/users/:call", async ({ params }, reply) => {
  const [userId = "", act] = params.call.split(":");
  const isLock = act === "lock";
  if (!locks.set(userId, isLock)) return reply.code(400).send({ code: 9 });
  return { user: { ...USER, userId, state: isLock ? "STATE_LOCKED" : "STATE_ACTIVE" } };
});
process.stdout.write(`listening on ${await app.listen({ host: "127.0.0.1", port: 0 })}\n`);
