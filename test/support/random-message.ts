/** Messages of any type with values of every kind, those at the edges and beyond them before all. */
import { create, type DescField, type DescMessage, type Message, ScalarType } from "@bufbuild/protobuf";
import { type ReflectMessage, reflect } from "@bufbuild/protobuf/reflect";
import type { Random } from "./random.ts";

const DEPTH_MAX = 4;
const ITEMS_MAX = 3;

/** What the service may well know. */
const LIKELY_STRINGS = ["u1", "u2", "u3", "u4", "default", "7d8f2f0e-3c55-4c4b-9d58-2a0a4a5b1c01"];
const STRINGS: readonly string[] = [
  ...LIKELY_STRINGS,
  ...["acme", "owner", "user_id", "profile.email", "*", "POLICY", "ABUSE", "Ada@Example.com"],
  ...[
    "",
    " ",
    ".",
    "..",
    "a/b",
    "a%2Fb",
    "é",
    "e\u0301",
    "\u0000",
    "\u202e",
    "🎈",
    "'; DROP TABLE users; --",
    "{{7*7}}",
  ],
  ...[
    "x".repeat(201),
    "ß".repeat(1_001),
    "-1",
    "NaN",
    "1e999",
    "2026-02-30T00:00:00Z",
    "lk_a_b_c",
    `lks_${"0".repeat(52)}`,
  ],
];
const INT32S = [0, 1, -1, 2, 10, 100, 1_000, 2_147_483_647, -2_147_483_648];
const INT64S = [
  0n,
  1n,
  -1n,
  3n,
  60n,
  1_800_000_000n,
  253_402_300_799n,
  253_402_300_800n,
  2n ** 53n,
  2n ** 63n - 1n,
  -(2n ** 63n),
];
const UINT64S = [0n, 1n, 2n ** 53n, 2n ** 64n - 1n];
const FLOATS = [0, -0, 0.5, -1.5, 1e308, Number.NaN, Number.POSITIVE_INFINITY];

/** `likely`: few fields are set, with what may well be right; `wild`: half of them, with anything. */
export type Temper = "likely" | "wild";

export function randomString(random: Random, temper: Temper = "wild"): string {
  return random.pick(temper === "likely" ? LIKELY_STRINGS : STRINGS);
}

/** A message of this type. */
export function randomMessage(random: Random, type: DescMessage, temper: Temper, depth = 0): Message {
  const message = create(type);
  const fields = reflect(type, message);
  for (const field of type.fields) {
    const isNamed = temper === "likely" && /(?:^|_)id$/.test(field.name) && field.name !== "organization_id";
    if (!isNamed && random.below(temper === "likely" ? 5 : 2) !== 0) continue;
    if (depth >= DEPTH_MAX && field.message !== undefined) continue;
    setField({ random, temper, depth }, fields, field);
  }
  return message;
}

interface Place {
  readonly random: Random;
  readonly temper: Temper;
  readonly depth: number;
}

function setField(place: Place, message: ReflectMessage, field: DescField): void {
  const items = place.random.below(ITEMS_MAX + 1);
  if (field.fieldKind === "list") {
    const list = message.get(field);
    for (let item = 0; item < items; item++) list.add(contentOf(place, field));
  } else if (field.fieldKind === "map") {
    const map = message.get(field);
    for (let item = 0; item < items; item++) map.set(scalar(place, field.mapKey), contentOf(place, field));
  } else {
    message.set(field, contentOf(place, field));
  }
}

function contentOf(place: Place, field: DescField): unknown {
  const { random, temper, depth } = place;
  if (field.message !== undefined) {
    return reflect(field.message, randomMessage(random, field.message, temper, depth + 1));
  }
  if (field.enum !== undefined) {
    return temper === "wild" && random.below(10) === 0 ? random.pick([99, -1]) : random.pick(field.enum.values).number;
  }
  return scalar(place, field.scalar ?? ScalarType.STRING);
}

function scalar({ random, temper }: Place, type: ScalarType): unknown {
  switch (type) {
    case ScalarType.STRING:
      return randomString(random, temper);
    case ScalarType.BYTES:
      return Uint8Array.from({ length: random.below(40) }, () => random.below(256));
    case ScalarType.BOOL:
      return random.below(2) === 1;
    case ScalarType.DOUBLE:
      return random.pick(FLOATS);
    case ScalarType.FLOAT:
      return random.pick([0, 0.5, -1.5]);
    case ScalarType.INT64:
    case ScalarType.SINT64:
    case ScalarType.SFIXED64:
      return temper === "likely" ? BigInt(random.below(5)) : random.pick(INT64S);
    case ScalarType.UINT64:
    case ScalarType.FIXED64:
      return random.pick(UINT64S);
    case ScalarType.UINT32:
    case ScalarType.FIXED32:
      return random.pick([0, 1, 4_294_967_295]);
    default:
      return temper === "likely" ? random.below(20) : random.pick(INT32S);
  }
}
