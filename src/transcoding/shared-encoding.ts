/** Encoders of messages that go to many callers: what several of the messages have in common is encoded once. */
import { create, type DescField, type DescMessage, type Message } from "@bufbuild/protobuf";
import { binaryWriter } from "./binary-writer.ts";
import { getLocal, setLocal } from "./field-path.ts";
import { type JsonWriterOptions, jsonWriter } from "./json-writer.ts";
import { fieldsInOrder } from "./message-shape.ts";

/*
 * Messages of a stream are mostly a list of items, which other messages hold too, in other selections. In both forms the
 * items stand at the front, one after the other, so an item that was encoded once is only copied.
 */

/** Returns a function that returns the bytes of a message behind `reserve` bytes, which are zero. */
export function sharedBinaryWriter(desc: DescMessage): (message: Message, reserve: number) => Buffer {
  const write = binaryWriter(desc);
  const list = leadingListOf(desc);
  if (list === undefined) return write;
  // An item as it stands in the list: behind the field's tag and its length.
  const toBytes = madeOnce((item) => write(withItems(desc, list, [item])));
  return (message, reserve) => {
    const items = itemsOf(message, list).map(toBytes);
    return Buffer.concat([Buffer.alloc(reserve), ...items, write(withoutItems(desc, list, message))]);
  };
}

/** Returns a function that returns the JSON of a message as text. */
export function sharedJsonWriter(desc: DescMessage, options: JsonWriterOptions): (message: Message) => string {
  const write = jsonWriter(desc, options);
  const list = leadingListOf(desc);
  if (list === undefined) return write;
  const toText = madeOnce(jsonWriter(list.message, options));
  return (message) => {
    const items = itemsOf(message, list);
    const rest = write(withoutItems(desc, list, message));
    if (items.length === 0) return rest;
    const front = `{${JSON.stringify(list.jsonName)}:[${items.map(toText).join()}]`;
    return rest === "{}" ? `${front}}` : `${front},${rest.slice(1)}`;
  };
}

/**
 * Returns a function that makes something of each message once and keeps it with the message. A WeakMap lives for long and
 * messages do not: each of its entries costs the garbage collector more than a look-up saves.
 */
export function madeOnce<T>(make: (message: Message) => T): (message: Message) => T {
  const made: unique symbol = Symbol("made once");
  return (message: Message & { [made]?: T }) => {
    message[made] ??= make(message);
    return message[made];
  };
}

type MessageList = DescField & { readonly fieldKind: "list"; readonly listKind: "message" };

/** Returns the first field, if it is a list of messages. */
function leadingListOf(desc: DescMessage): MessageList | undefined {
  const [first] = fieldsInOrder(desc);
  return first?.fieldKind === "list" && first.listKind === "message" ? first : undefined;
}

function itemsOf(message: Message, list: MessageList): readonly Message[] {
  return getLocal(message, list) as readonly Message[];
}

function withItems(desc: DescMessage, list: MessageList, items: readonly Message[]): Message {
  const holder = create(desc);
  for (const item of items) setLocal(holder, list, item);
  return holder;
}

function withoutItems(desc: DescMessage, list: MessageList, message: Message): Message {
  const rest = create(desc);
  return Object.assign(rest, message, { [list.localName]: getLocal(rest, list) });
}
