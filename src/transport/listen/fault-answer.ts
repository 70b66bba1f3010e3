/** Answers input that is not a request with a complete HTTP/1.1 answer, after which the connection closes. */
import { STATUS_CODES } from "node:http";
import type { Socket } from "node:net";
import { createRegistry } from "@bufbuild/protobuf";
import { encodeStatusError } from "../../transcoding/error.ts";
import { recordFault, type TransportContext, whenCounted } from "../call/transport-context.ts";
import { CALL_ID_HEADER } from "../exchange/exchange.ts";
import { plainAddress } from "./client-address.ts";
import type { OnFault } from "./request-sink.ts";

const NO_TYPES = createRegistry();

/**
 * Creates the function that answers and records faults. The record has the peer's own address: no header was read that
 * could name another.
 */
export function createFaultAnswer<A>(context: TransportContext<A>, newCallId: () => string): OnFault {
  return ({ error: fault, address, socket }) => {
    const remoteAddress = plainAddress(address);
    const id = newCallId();
    const request = { remoteAddress, callId: id, destroy: () => void socket?.destroy() };
    whenCounted(context, request, (refused) => {
      const error = refused ?? fault;
      context.describeError?.(error, { method: undefined, callId: id });
      const { status, header, body } = encodeStatusError(error, { registry: NO_TYPES });
      recordFault(context, remoteAddress, { id, error, httpStatus: socket === undefined ? 0 : status });
      if (socket !== undefined) {
        answer(socket, status, { ...header, [CALL_ID_HEADER]: id }, body, context.limits.lingerMs);
      }
    });
  };
}

function answer(
  socket: Socket,
  status: number,
  header: Readonly<Record<string, string>>,
  body: Uint8Array,
  lingerMs: number,
): void {
  const fields = { ...header, date: new Date().toUTCString(), connection: "close", "content-length": body.byteLength };
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.write(`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}\r\n${lines.join("")}\r\n`);
  socket.end(body);
  // The rest of the input is discarded for a while: a client that is still sending would lose the answer if we closed
  // at once.
  socket.resume();
  const timer = setTimeout(() => socket.destroy(), lingerMs);
  socket.once("close", () => clearTimeout(timer));
}
