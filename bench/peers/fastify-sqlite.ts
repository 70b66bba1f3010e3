/** Fastify over better-sqlite3: locks and unlocks as one durable transaction a call. */
import { parseArgs } from "node:util";
import { fastify } from "fastify";
import { USER_JSON } from "./answers.ts";
import { openLocks } from "./sqlite-locks.ts";

const { values: flags } = parseArgs({ options: { sqlite: { type: "string", default: ":memory:" } } });
const locks = openLocks(flags.sqlite);
const ANSWER: unknown = JSON.parse(USER_JSON);

const app = fastify();
app.post<{ Params: { call: string } }>("/v1/users/:call", async ({ params }, reply) => {
  const [userId = "", act] = params.call.split(":");
  if (!locks.set(userId, act === "lock")) return reply.code(400).send({ code: 9 });
  return ANSWER;
});
process.stdout.write(`listening on ${await app.listen({ host: "127.0.0.1", port: 0 })}\n`);
