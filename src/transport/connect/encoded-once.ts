/** Streams whose messages many callers get: each message is encoded once for all of them. */
import { create, type DescMessage, type Message } from "@bufbuild/protobuf";
import { binaryWriter } from "../../transcoding/binary-writer.ts";

const encoded = new WeakMap<Message, Message>();

/** Yields messages that Connect encodes by copying bytes. The wire must be binary: the result has no fields. */
export async function* encodedOnce(messages: AsyncIterable<Message>, desc: DescMessage): AsyncGenerator<Message> {
  for await (const message of messages) {
    const known = encoded.get(message) ?? toEncoded(message, desc);
    encoded.set(message, known);
    yield known;
  }
}

/** Returns a message whose encoding is a single unknown field, followed by what else the encoding of `message` has. */
function toEncoded(message: Message, desc: DescMessage): Message {
  const bytes = binaryWriter(desc)(message);
  const tag = bytes[0];
  // A number of a field below 16 fits into one byte.
  if (tag === undefined || tag >= 0x80) return message;
  const copy: Message = create(desc);
  copy.$unknown = [{ no: tag >>> 3, wireType: tag & 7, data: bytes.subarray(1) }];
  return copy;
}
