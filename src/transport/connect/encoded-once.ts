/** Streams whose messages many callers get: each message is encoded and framed once for all of them. */
import type { DescMessage, Message } from "@bufbuild/protobuf";
import type { JsonWriterOptions } from "../../transcoding/json-writer.ts";
import { madeOnce, sharedBinaryWriter, sharedJsonWriter } from "../../transcoding/shared-encoding.ts";
import type { Exchange } from "../exchange/exchange.ts";

/** Passes the messages of a stream on. Connect sends those that the result yields. */
export type SendStream = (
  messages: AsyncIterable<Message>,
  exchange: Pick<Exchange, "write" | "writeNow" | "bodyBegun">,
  call: { sender: ((message: Message) => boolean) | undefined },
  isBinary: boolean,
) => AsyncGenerator<Message, void, undefined>;

/** The flags and the length of a message: gRPC, gRPC-Web and Connect frame a message that is not compressed alike. */
const PREFIX_BYTES = 5;

/**
 * Returns a function that sends the streams of a method. Connect encodes each message for each caller, and passes it
 * through about ten asynchronous iterators. So it gets only the first one, with which it sends the head of the answer, and
 * the end. While it waits for the next message, the others are written past it.
 */
export function encodedOnce(output: DescMessage, options: JsonWriterOptions): SendStream {
  const toBytes = sharedBinaryWriter(output);
  const toText = sharedJsonWriter(output, options);
  const toBinaryFrame = madeOnce((message) => framed(toBytes(message, PREFIX_BYTES)));
  const toJsonFrame = madeOnce((message) => framed(Buffer.from("\0".repeat(PREFIX_BYTES) + toText(message))));
  return async function* send(messages, exchange, call, isBinary) {
    const toFrame = isBinary ? toBinaryFrame : toJsonFrame;
    for await (const message of messages) {
      if (call.sender !== undefined) {
        await exchange.write(toFrame(message));
        continue;
      }
      yield message;
      // A Connect that fetches messages ahead would send the first one after those that are written past it.
      if (!exchange.bodyBegun) throw new Error("connect-es asks for a message before it has written the first one");
      call.sender = (next) => exchange.writeNow(toFrame(next));
    }
  };
}

/** Fills the prefix in. */
function framed(frame: Buffer): Buffer {
  frame.writeUInt32BE(frame.length - PREFIX_BYTES, 1);
  return frame;
}
