/** Stock connect-node as a server that does nothing; with `--sqlite FILE` its locks are one transaction a call. */
import { createServer as createHttp1 } from "node:http";
import { createServer as createHttp2 } from "node:http2";
import { parseArgs } from "node:util";
import { Code, ConnectError } from "@connectrpc/connect";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import { State, type User } from "../../gen/lockkeeper/user/v1/user_pb.ts";
import { UserService } from "../../gen/lockkeeper/user/v1/user_service_pb.ts";
import { USER_ANSWER } from "./answers.ts";
import { openLocks } from "./sqlite-locks.ts";

const { values: flags } = parseArgs({
  options: { sqlite: { type: "string" }, http1: { type: "boolean", default: false } },
});
const locks = flags.sqlite === undefined ? undefined : openLocks(flags.sqlite);

const { user: USER } = USER_ANSWER;
if (USER === undefined) throw new Error("the fixed answer has a user");

function setLocked(userId: string, isLocked: boolean): { readonly user: User } {
  if (locks === undefined) throw new ConnectError("started without --sqlite", Code.Unimplemented);
  if (!locks.set(userId, isLocked)) throw new ConnectError("it is so already", Code.FailedPrecondition);
  return { user: { ...USER, userId, state: isLocked ? State.LOCKED : State.ACTIVE } };
}

const handler = connectNodeAdapter({
  routes: (router) => {
    router.service(UserService, {
      getUser: () => USER_ANSWER,
      lockUser: ({ userId }) => setLocked(userId, true),
      unlockUser: ({ userId }) => setLocked(userId, false),
    });
  },
});
// Without TLS one port of node:http speaks one version only.
const server = flags.http1 ? createHttp1(handler) : createHttp2({}, handler);
server.listen(0, "127.0.0.1", () => {
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the server has no port");
  process.stdout.write(`listening on http://127.0.0.1:${address.port}\n`);
});
