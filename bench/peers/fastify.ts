/** Fastify as a server that does nothing: routes with a response schema that answer one user. */
import { fastify } from "fastify";
import { USER_JSON } from "./answers.ts";

const ANSWER: unknown = JSON.parse(USER_JSON);
const text = { type: "string" };
const details = {
  type: "object",
  properties: { sequence: text, creationDate: text, changeDate: text, resourceOwner: text },
};
const user = {
  type: "object",
  properties: {
    userId: text,
    state: text,
    details,
    profile: { type: "object", properties: { username: text } },
    revocationEpoch: text,
  },
};
const schema = { response: { 200: { type: "object", properties: { user } } } };

const app = fastify();
app.get("/v1/users/:userId", { schema }, async () => ANSWER);
app.post("/lockkeeper.user.v1.UserService/GetUser", { schema }, async () => ANSWER);
process.stdout.write(`listening on ${await app.listen({ host: "127.0.0.1", port: 0 })}\n`);
