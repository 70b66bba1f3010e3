/** The open connections: at the limit, the one that was longest without an admitted call is closed for a new one. */
import type { Socket } from "node:net";

/** All open connections, up to a limit. */
export class Connections {
  readonly #connectionsMax: number;
  /** Connections on which no call was admitted yet, oldest first. */
  readonly #unauthenticated = new Set<Socket>();
  /** Connections on which calls were admitted, in the order of their last admitted call. */
  readonly #authenticated = new Set<Socket>();
  /** The last one of `#authenticated`. */
  #latest: Socket | undefined;
  /** Connections by their two endpoints: inside TLS or HTTP/2 the same connection is another object. */
  readonly #byEnds = new Map<string, Socket>();
  /** Sockets that were already found by their endpoints. */
  readonly #found = new WeakMap<object, Socket>();

  /** Called for each admitted call. Absent: nothing is called. */
  readonly #onAdmitted: ((socket: Socket) => void) | undefined;
  #onEmpty: (() => void) | undefined;

  /** `onAdmitted` is called for each admitted call with its connection. */
  constructor(connectionsMax: number, onAdmitted?: (socket: Socket) => void) {
    this.#connectionsMax = connectionsMax;
    this.#onAdmitted = onAdmitted;
  }

  /**
   * Adds a new connection. At the limit, the oldest connection without an admitted call is closed for it, else the one
   * whose last admitted call is longest ago: clients that only hold connections open, or whose key was revoked, cannot
   * shut others out.
   */
  add(socket: Socket): void {
    if (this.size >= this.#connectionsMax) this.#evict();
    const key = keyOf(socket);
    this.#unauthenticated.add(socket);
    this.#byEnds.set(key, socket);
    socket.once("close", () => {
      this.#forget(socket);
      // Another connection may have the same endpoints by now.
      if (this.#byEnds.get(key) === socket) this.#byEnds.delete(key);
    });
  }

  /** The number of open connections. */
  get size(): number {
    return this.#unauthenticated.size + this.#authenticated.size;
  }

  /** Makes this connection the last one to be closed, since a call was admitted on it. Called for every call. */
  markAuthenticated(socket: Socket | undefined): void {
    if (socket === undefined) return;
    const known = this.#found.get(socket) ?? this.#find(socket);
    if (known === undefined) return;
    this.#onAdmitted?.(known);
    if (known === this.#latest) return;
    // A connection that was closed in the meantime is not added again.
    if (!this.#authenticated.delete(known) && !this.#unauthenticated.delete(known)) return;
    this.#authenticated.add(known);
    this.#latest = known;
  }

  /** Calls the listener when the last connection is gone; at once if there is none. */
  whenEmpty(listener: () => void): void {
    if (this.size === 0) listener();
    else this.#onEmpty = listener;
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
    if (this.size === 0) this.#onEmpty?.();
  }
}

function keyOf({ remoteAddress, remotePort, localAddress, localPort }: Socket): string {
  return `${remoteAddress} ${remotePort} ${localAddress} ${localPort}`;
}
