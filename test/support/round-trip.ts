/** A way there and back on an HTTP/2 connection: what was sent before it has arrived. */
import { once } from "node:events";
import type { ClientHttp2Session } from "node:http2";

export async function roundTrip(session: ClientHttp2Session): Promise<void> {
  // Before there is a connection Node answers a ping by itself.
  if (session.connecting) await once(session, "connect");
  // A ping overtakes what waits to be sent. The first takes that along, so that it is there before the second.
  for (let pings = 0; pings < 2; pings++) await new Promise((resolve) => session.ping(resolve));
}
