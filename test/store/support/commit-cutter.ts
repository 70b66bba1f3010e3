/** A TCP proxy in front of PostgreSQL that cuts a connection at a COMMIT: before the server gets it, or before its answer; or it ends the connection as a pooler does. */
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { defer, type Scope } from "../../support/cleanup.ts";

/** `fatal`: the server gets it, and the client a FATAL error instead of the answers. `junk`: bytes that are no message. */
export type Cut = "before" | "after" | "fatal" | "junk";

/** Messages that end a connection: pgbouncer's own when it loses its server, and one that no parser knows. */
const ENDINGS = {
  fatal: errorMessage({ S: "FATAL", V: "FATAL", C: "08P01", M: "server conn crashed?" }),
  junk: Buffer.from([0x44, 0, 0, 0, 6, 0xff, 0xff]),
};

export interface CommitCutter {
  readonly port: number;
  /** Cuts at the next COMMIT, or lets so many pass before; resolves when it has. */
  cut(when: Cut, passes?: number): Promise<void>;
}

/** Starts a proxy to a port of this machine. It goes with the test. */
export async function startCommitCutter(t: Scope, port: number): Promise<CommitCutter> {
  let next: { readonly when: Cut; readonly done: () => void; passes: number } | undefined;
  const open = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = connect(port, "127.0.0.1");
    for (const socket of [client, upstream]) {
      open.add(socket);
      socket.on("error", () => undefined);
      socket.once("close", () => open.delete(socket));
    }
    client.on("data", (chunk) => {
      // A message has the name or the text of a statement with a zero after it; BEGIN has READ COMMITTED.
      const reached = /commit\0/i.test(chunk.toString("latin1")) && next !== undefined && next.passes-- === 0;
      const { when, done } = (reached ? next : undefined) ?? {};
      if (when === undefined) {
        upstream.write(chunk);
        return;
      }
      next = undefined;
      if (when === "fatal" || when === "junk") client.end(ENDINGS[when]);
      else client.destroy();
      if (when === "before") upstream.destroy();
      else upstream.end(chunk);
      upstream.once("close", () => done?.());
      // The server's answer has nobody to go to; it must be read anyway.
      upstream.resume();
    });
    upstream.on("data", (chunk) => client.writable && client.write(chunk));
    client.once("end", () => upstream.end());
    upstream.once("end", () => client.end());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  defer(t, async () => {
    for (const socket of open) socket.destroy();
    server.close();
    await once(server, "close");
  });
  return {
    port: (server.address() as AddressInfo).port,
    cut: (when, passes = 0) =>
      new Promise((done) => {
        next = { when, done, passes };
      }),
  };
}

function errorMessage(fields: Readonly<Record<string, string>>): Buffer {
  const body = Buffer.from(
    `${Object.entries(fields)
      .map(([name, value]) => `${name}${value}\0`)
      .join("")}\0`,
  );
  const head = Buffer.from([0x45, 0, 0, 0, 0]);
  head.writeUInt32BE(body.byteLength + 4, 1);
  return Buffer.concat([head, body]);
}
