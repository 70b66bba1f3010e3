/** A TCP proxy in front of PostgreSQL that lets a client in and then keeps what it asks to itself, as a pooler without a server. */
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { defer, type Scope } from "../../support/cleanup.ts";

export interface SilentProxy {
  readonly port: number;
  /** New connections are silent after the login. */
  isSilent: boolean;
  /** All connections are silent, as those to a server that hangs. */
  isMute: boolean;
}

/** Starts a proxy to a port of this machine. It goes with the test. */
export async function startSilentProxy(t: Scope, port: number): Promise<SilentProxy> {
  const open = new Set<Socket>();
  const proxy: { -readonly [K in keyof SilentProxy]: SilentProxy[K] } = { port: 0, isSilent: false, isMute: false };
  const server = createServer((client) => {
    const upstream = connect(port, "127.0.0.1");
    for (const socket of [client, upstream]) {
      open.add(socket);
      socket.on("error", () => undefined);
      socket.once("close", () => {
        open.delete(socket);
        client.destroy();
        upstream.destroy();
      });
    }
    const { isSilent } = proxy;
    client.on("data", (chunk) => {
      if (!proxy.isMute && (!isSilent || !chunk.includes("pg_is_in_recovery"))) upstream.write(chunk);
    });
    upstream.pipe(client);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  defer(t, async () => {
    for (const socket of open) socket.destroy();
    server.close();
    await once(server, "close");
  });
  proxy.port = (server.address() as AddressInfo).port;
  return proxy;
}
