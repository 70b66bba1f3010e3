/** A plain TCP balancer: each connection goes to the next replica that takes it. */
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { defer, type Scope } from "./cleanup.ts";

export interface Balancer {
  /** `http://127.0.0.1:PORT`. */
  readonly url: string;
  /** Sends new connections to these addresses from now on; those that are open stay. */
  use(urls: readonly string[]): void;
}

/** Starts a balancer in front of services. It goes with the test. */
export async function startBalancer(t: Scope, urls: readonly string[]): Promise<Balancer> {
  let targets = urls.map(toTarget);
  let turn = 0;
  const open = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (client) => {
    const tries = targets.length;
    const tryNext = (left: number): void => {
      const target = targets[turn++ % targets.length];
      if (target === undefined || left === 0) {
        client.destroy();
        return;
      }
      const upstream = connect(target);
      keep(upstream);
      upstream.once("connect", () => {
        upstream.off("error", next);
        join(client, upstream);
      });
      const next = (): void => tryNext(left - 1);
      upstream.once("error", next);
    };
    keep(client);
    tryNext(tries);
  });
  const keep = (socket: Socket): void => {
    open.add(socket);
    socket.setNoDelay(true);
    socket.on("error", () => socket.destroy());
    socket.once("close", () => open.delete(socket));
  };
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  defer(t, async () => {
    for (const socket of open) socket.destroy();
    server.close();
    await once(server, "close");
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    use(next) {
      targets = next.map(toTarget);
    },
  };
}

/** Half-closed connections stay so: some clients end their side first. */
function join(client: Socket, upstream: Socket): void {
  client.pipe(upstream);
  upstream.pipe(client);
  client.once("close", () => upstream.destroy());
  // What it has sent reaches the client: a replica that refuses a large body answers first, and then resets.
  upstream.once("close", () => client.destroySoon());
}

function toTarget(url: string): { readonly host: string; readonly port: number; readonly allowHalfOpen: true } {
  const { hostname, port } = new URL(url);
  return { host: hostname, port: Number(port), allowHalfOpen: true };
}
