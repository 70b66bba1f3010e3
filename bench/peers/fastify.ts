/** The peer of a REST call: a Fastify route with a response schema answers a decision and does nothing else. */
import { create, toJson } from "@bufbuild/protobuf";
import { fastify } from "fastify";
import { CheckSignInResponseSchema } from "../../gen/lockkeeper/signin/v1/sign_in_service_pb.ts";
import { PEER_DECISION } from "./decision.ts";

const ANSWER = toJson(CheckSignInResponseSchema, create(CheckSignInResponseSchema, PEER_DECISION));
const text = { type: "string" };
const decision = {
  type: "object",
  properties: {
    allowed: { type: "boolean" },
    state: text,
    serverTime: text,
    attemptsLeft: { type: "integer" },
    revocationEpoch: text,
  },
};

const app = fastify();
const schema = { response: { 200: { type: "object", properties: { decision } } } };
app.get("/v1/users/:call", { schema }, async () => ANSWER);
process.stdout.write(`listening on ${await app.listen({ host: "127.0.0.1", port: 0 })}\n`);
