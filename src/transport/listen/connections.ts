/** The open connections: when there are too many, whoever has gone longest without an admitted call gives way to new ones. */
import type { Socket } from "node:net";

export class Connections {
  readonly #connectionsMax: number;
  /** On which no call was admitted yet. The oldest is the first. */
  readonly #unauthenticated = new Set<Socket>();
  /** On which calls were admitted. The one whose last is longest ago is the first. */
  readonly #authenticated = new Set<Socket>();
  /** The last of those that are known. */
  #latest: Socket | undefined;
  /** By its two ends: inside TLS or HTTP/2 the same connection shows as another object. */
  readonly #byEnds = new Map<string, Socket>();
  /** What was found by its ends once. */
  readonly #found = new WeakMap<object, Socket>();

  constructor(connectionsMax: number) {
    this.#connectionsMax = connectionsMax;
  }

  /**
   * Takes in a new connection. When all places are taken, one on which no call was ever admitted is closed for it, or
   * else the one whose last admitted call is longest ago: whoever opens connections to hold them, or whose key was
   * revoked since, shuts out nobody.
   */
  add(socket: Socket): void {
    if (this.size >= this.#connectionsMax) this.#evict();
    const key = keyOf(socket);
    this.#unauthenticated.add(socket);
    this.#byEnds.set(key, socket);
    socket.once("close", () => {
      this.#forget(socket);
      // Its ends may be those of another connection by now.
      if (this.#byEnds.get(key) === socket) this.#byEnds.delete(key);
    });
  }

  /** How many are open. */
  get size(): number {
    return this.#unauthenticated.size + this.#authenticated.size;
  }

  /** A call was admitted on this connection: it is the last to give way. Called for every call. */
  markAuthenticated(socket: Socket | undefined): void {
    if (socket === undefined) return;
    const known = this.#found.get(socket) ?? this.#find(socket);
    if (known === undefined || known === this.#latest) return;
    // One that has given way meanwhile is not taken in again.
    if (!this.#authenticated.delete(known) && !this.#unauthenticated.delete(known)) return;
    this.#authenticated.add(known);
    this.#latest = known;
  }

  destroy(): void {
    for (const sockets of [this.#unauthenticated, this.#authenticated]) {
      for (const socket of sockets) socket.destroy();
    }
  }

  #find(socket: Socket): Socket | undefined {
    const found = this.#byEnds.get(keyOf(socket));
    if (found !== undefined) this.#found.set(socket, found);
    return found;
  }

  #evict(): void {
    const sockets = this.#unauthenticated.size > 0 ? this.#unauthenticated : this.#authenticated;
    const oldest = sockets.values().next();
    if (oldest.done) return;
    this.#forget(oldest.value);
    oldest.value.destroy();
  }

  #forget(socket: Socket): void {
    this.#unauthenticated.delete(socket);
    this.#authenticated.delete(socket);
    if (this.#latest === socket) this.#latest = undefined;
  }
}

function keyOf({ remoteAddress, remotePort, localAddress, localPort }: Socket): string {
  return `${remoteAddress} ${remotePort} ${localAddress} ${localPort}`;
}
