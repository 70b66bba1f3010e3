/** The port of the main thread: accepts connections and reads nothing from them. */
import { type AddressInfo, createServer, type Socket } from "node:net";
import { whenQuiet } from "../../transport/listen/listener.ts";
import { toAddress } from "../../transport/transport.ts";

export interface HandOverPort {
  listen(address: { host: string; port: number }): Promise<{ host: string; port: number; url: string }>;
  /** Resolves when no more connections are accepted. */
  close(): Promise<void>;
}

/** Creates the port; `handOver` is called with each connection, which is paused. */
export function createHandOverPort(scheme: "http" | "https", handOver: (socket: Socket) => void): HandOverPort {
  const server = createServer(
    { pauseOnConnect: true, allowHalfOpen: true, noDelay: true, keepAlive: true },
    (socket) => {
      // A client that is gone before its connection is handed over has closed it, which is normal.
      socket.on("error", () => socket.destroy());
      handOver(socket);
    },
  );
  return {
    listen: ({ host, port }) =>
      new Promise((resolve, reject) => {
        server.once("error", reject);
        server.listen({ host, port, backlog: 1024 }, () => {
          server.off("error", reject);
          resolve(toAddress(host, server.address() as AddressInfo, scheme));
        });
      }),
    close: () =>
      new Promise((resolve) => {
        if (!server.listening) resolve();
        else
          whenQuiet(() => {
            server.close();
            resolve();
          });
      }),
  };
}
