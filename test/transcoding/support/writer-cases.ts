/** The types that the compiled writers are compared over, and messages with values that do not fit. */
import type { DescMessage, Message } from "@bufbuild/protobuf";
import type { Dialect } from "../../../src/dialect/dialects.ts";
import * as dialects from "../../../src/dialect/dialects.ts";
import { createReflection, mounts } from "../../../src/server/serving/mounts.ts";
import { ListLanes } from "../../../src/service/list-lanes.ts";
import type { Operations } from "../../../src/service/operations/operations.ts";
import { Health } from "../../../src/transport/builtin/health.ts";
import type { Random } from "../../support/random.ts";
import { randomMessage } from "../../support/random-message.ts";
import { message } from "./shelf.ts";

/** Types that hold every kind of value. */
export const WIDE_TYPES: readonly DescMessage[] = ["Everything", "Scalars", "Book", "Leftovers"].map(message);

/** Returns the type of every answer that the service has, those of the dialects among them. */
export async function answerTypes(): Promise<readonly DescMessage[]> {
  const operations = { lists: new ListLanes() } as unknown as Operations;
  const parts = { operations, store: {}, streams: {}, health: new Health(), reflection: createReflection() };
  const own = mounts(parts as unknown as Parameters<typeof mounts>[0]);
  // Also where no dialect is left.
  const all: readonly Dialect[] = Object.values(dialects);
  const loaded = await Promise.all(all.map((dialect) => dialect.load(operations)));
  const services = [...own, ...loaded.flatMap((each) => each.mounts)].map(({ service }) => service);
  return [...new Set(services.flatMap(({ methods }) => methods.map(({ output }) => output)))];
}

/** Values that fit few fields. */
export const UNFIT: readonly unknown[] = [
  ...[undefined, null, true, "text", "7", 1.5, -1, 2 ** 40, Number.NaN, Number.POSITIVE_INFINITY, 3n, 2n ** 70n, -1n],
  ...[{}, [], [undefined], [[]], new Uint8Array(2), { $typeName: "shelf.v1.Book" }, { case: "x" }, { a: undefined }],
  ...["\ud800 alone", { a: Number.NaN }, { a: [1, undefined] }, { seconds: 2n ** 60n, nanos: 0 }],
  ...[{ a: new Date(0) }, { a: new Array(2) }, { a: { toJSON: () => 1 } }, { toJSON: "x", a: [{ b: -0 }, null, "é"] }],
];

/** Returns a message, one in four with a value that does not fit, and one in eight with unknown fields. */
export function answerOf(random: Random, type: DescMessage): Message {
  const made = randomMessage(random, type, random.below(3) === 0 ? "likely" : "wild");
  if (random.below(4) === 0) spoil(random, type, made);
  if (random.below(8) === 0) made.$unknown = [{ no: 1_000 + random.below(9), wireType: 0, data: Uint8Array.of(5) }];
  return made;
}

function spoil(random: Random, type: DescMessage, made: Message): void {
  if (type.fields.length === 0) return;
  const field = random.pick(type.fields);
  const values = made as unknown as Record<string, unknown>;
  const name = field.oneof?.localName ?? field.localName;
  const inner = values[name];
  if (field.fieldKind === "message" && inner !== undefined && random.below(2) === 0) {
    if (typeof (inner as Message).$typeName === "string") spoil(random, field.message, inner as Message);
    return;
  }
  const unfit = UNFIT[random.below(UNFIT.length)];
  const isWithin = random.below(2) === 0;
  if (isWithin && field.oneof !== undefined) values[name] = { case: field.localName, value: unfit };
  else if (isWithin && field.fieldKind === "list") values[name] = [unfit];
  else if (isWithin && field.fieldKind === "map") values[name] = { key: unfit };
  else values[name] = unfit;
}

/** Returns what a writer answers, or the name and message of what it throws. */
export function outcomeOf<T>(write: () => T): { readonly written: T } | { readonly thrown: string } {
  try {
    return { written: write() };
  } catch (error) {
    return { thrown: error instanceof Error ? `${error.name}: ${error.message}` : String(error) };
  }
}

/** Returns whether a writer wrote a message by itself: else protobuf-es looks at its type a second time. */
export function writesAlone(write: (made: Message) => unknown, made: Message): boolean {
  const { $typeName } = made;
  let looks = 0;
  const watched = Object.defineProperty({ ...made }, "$typeName", {
    get: () => {
      looks++;
      return $typeName;
    },
  });
  write(watched as Message);
  return looks === 1;
}
