/** Stock connect-node as a server that does nothing; with `--sqlite FILE` its locks are one transaction a call. */
import { createServer } from "node:http2";
import { parseArgs } from "node:util";
import { Code, ConnectError } from "@connectrpc/connect";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import { UserService } from "../../gen/lockkeeper/user/v1/user_service_pb.ts";
import { USER_ANSWER } from "./answers.ts";
import { openLocks } from "./sqlite-locks.ts";

const { values: flags } = parseArgs({ options: { sqlite: { type: "string" } } });
const locks = flags.sqlite === undefined ? undefined : openLocks(flags.sqlite);

function setLocked(userId: string, isLocked: boolean): typeof USER_ANSWER {
  if (locks === undefined) throw new ConnectError("started without --sqlite", Code.Unimplemented);
  if (!locks.set(userId, isLocked)) throw new ConnectError("it is so already", Code.FailedPrecondition);
  return USER_ANSWER;
}

const server = createServer(
  {},
  connectNodeAdapter({
    routes: (router) => {
      router.service(UserService, {
        getUser: () => USER_ANSWER,
        lockUser: ({ userId }) => setLocked(userId, true),
        unlockUser: ({ userId }) => setLocked(userId, false),
      });
    },
  }),
);
server.listen(0, "127.0.0.1", () => {
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the server has no port");
  process.stdout.write(`listening on http://127.0.0.1:${address.port}\n`);
});
