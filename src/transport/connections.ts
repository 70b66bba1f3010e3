/** The open connections: when there are too many, those on which nobody has shown who they are give way to new ones. */
import type { Socket } from "node:net";

export class Connections {
  readonly #connectionsMax: number;
  readonly #open = new Set<Socket>();
  /** By its two ends: inside TLS or HTTP/2 the same connection shows as another object. The oldest is the first. */
  readonly #unproven = new Map<string, Socket>();
  readonly #proven = new WeakSet<object>();

  constructor(connectionsMax: number) {
    this.#connectionsMax = connectionsMax;
  }

  /**
   * Takes in a new connection. When all places are taken, the one that has gone longest without an admitted call is
   * closed: whoever opens connections to hold them shuts out nobody but themselves. False: everyone else is known, so
   * the new one was closed.
   */
  add(socket: Socket): boolean {
    if (this.#open.size >= this.#connectionsMax && !this.#evict()) {
      socket.destroy();
      return false;
    }
    const key = keyOf(socket);
    this.#open.add(socket);
    this.#unproven.set(key, socket);
    socket.once("close", () => {
      this.#open.delete(socket);
      // Its ends may be those of another connection by now.
      if (this.#unproven.get(key) === socket) this.#unproven.delete(key);
    });
    return true;
  }

  /** How many are open. */
  get size(): number {
    return this.#open.size;
  }

  /** A call was admitted on this connection: it stays. */
  prove(socket: Socket | undefined): void {
    if (socket === undefined || this.#proven.has(socket)) return;
    this.#proven.add(socket);
    this.#unproven.delete(keyOf(socket));
  }

  destroy(): void {
    for (const socket of this.#open) socket.destroy();
  }

  #evict(): boolean {
    const oldest = this.#unproven.entries().next();
    if (oldest.done) return false;
    const [key, socket] = oldest.value;
    this.#unproven.delete(key);
    this.#open.delete(socket);
    socket.destroy();
    return true;
  }
}

function keyOf({ remoteAddress, remotePort, localAddress, localPort }: Socket): string {
  return `${remoteAddress} ${remotePort} ${localAddress} ${localPort}`;
}
