/** One request must not freeze or bloat the service: the worst of each kind, on each wire, while another client goes on. */
import { once } from "node:events";
import { connect } from "node:net";
import { test } from "node:test";
import { type Lab, measure, openLab, sendWorst } from "../support/bounded-work.ts";
import { WORST_CONNECTIONS } from "../support/worst-connections.ts";
import { WORST_REQUESTS } from "../support/worst-requests.ts";

test("the worst requests and connections keep nobody waiting and leave nothing behind", async (t) => {
  const lab = await openLab(t);
  await sendWorst(t, lab, WORST_REQUESTS);
  for (const { name, greeting, make } of WORST_CONNECTIONS) {
    await t.test(name, async (row) => {
      const bytes = make();
      await measure(lab, row, () => pour(lab, greeting, bytes));
    });
  }
});

/** Sends all of it, and waits until the service closes the connection. */
async function pour({ child }: Lab, greeting: Buffer, bytes: Buffer): Promise<void> {
  const { hostname, port } = new URL(child.url);
  const socket = connect(Number(port), hostname);
  // A client that is cut off while it sends is reset.
  socket.on("error", () => undefined);
  const closed = new Promise((resolve) => socket.once("close", resolve));
  if (greeting.byteLength > 0) {
    socket.write(greeting);
    await once(socket, "readable");
  }
  socket.resume();
  socket.write(bytes);
  await closed;
}
