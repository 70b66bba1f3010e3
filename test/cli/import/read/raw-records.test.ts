/** Records of a file: their lines, where they end, and what is made of those that never end. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type RawRecord, type SplitOptions, splitRecords } from "../../../../src/cli/import/read/raw-records.ts";
import { seededRandom } from "../../../support/random.ts";
import { scaled } from "../../../support/scale.ts";

const CASES = scaled({ quick: 400, soak: 20_000 });

async function* inChunks(bytes: Buffer, sizes: () => number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; ) {
    const size = Math.max(1, sizes());
    yield bytes.subarray(at, at + size);
    at += size;
  }
}

async function split(
  bytes: Buffer,
  options: Partial<SplitOptions>,
  sizes = () => bytes.length,
): Promise<readonly RawRecord[]> {
  const all: RawRecord[] = [];
  const whole = { offset: 0, line: 1, bytesMax: 100, ...options };
  for await (const records of splitRecords(inChunks(bytes, sizes), whole)) all.push(...records);
  return all;
}

const CSV = { delimiter: ",".charCodeAt(0) };

function told(records: readonly RawRecord[]): unknown[] {
  return records.map(({ line, bytes, fault }) => [line, fault ?? bytes.toString()]);
}

test("records of CSV begin on the line that an editor shows, whatever stands in quotes", async () => {
  const text = 'a,b\r\n"two\r\nlines",c\n\n\n"a ""quoted"",\n",d\ne"f,g\nlast';
  assert.deepEqual(told(await split(Buffer.from(text), CSV)), [
    [1, "a,b"],
    [2, '"two\r\nlines",c'],
    [6, '"a ""quoted"",\n",d'],
    [8, 'e"f,g'],
    [9, "last"],
  ]);
});

test("a quote that is never closed costs the line that opens it, not what follows", async () => {
  const opened = 'a,b\nc,"d\ne,f\n';
  const faults = (records: readonly RawRecord[]) => records.map(({ line, fault }) => [line, fault?.slice(0, 40)]);
  assert.deepEqual(faults(await split(Buffer.from(opened), CSV)), [
    [1, undefined],
    [2, "opens a quote that is not closed before "],
    [3, undefined],
  ]);
  const long = `a,"b\n${"c,d\n".repeat(40)}e,"f"\n`;
  const records = await split(Buffer.from(long), CSV, () => 7);
  assert.match(records[0]?.fault ?? "", /^opens a quote that is not closed within 100 bytes$/);
  assert.equal(records.length, 42);
  assert.deepEqual(told(records).at(-1), [42, 'e,"f"']);
  assert.deepEqual(faults(await split(Buffer.from('a\n"b'), CSV)), [
    [1, undefined],
    [2, "opens a quote that is not closed before "],
  ]);
});

test("a line that is too long is a fault of its own, and the next is well", async () => {
  for (const size of [1, 7, 99, 10_000]) {
    for (const end of ["\n", "\r\n"]) {
      const text = ["short", "x".repeat(250), "after", "y".repeat(101)].join(end);
      for (const options of [{}, CSV]) {
        const records = await split(Buffer.from(text), options, () => size);
        assert.deepEqual(
          told(records),
          [
            [1, "short"],
            [2, "is longer than 100 bytes"],
            [3, "after"],
            [4, "is longer than 100 bytes"],
          ],
          `chunks of ${size}`,
        );
        assert.equal(records.at(-1)?.end, text.length);
      }
    }
  }
});

test(`${CASES} random files: however they come in, and wherever one goes on, the records are the same`, async (t) => {
  const random = seededRandom(t);
  // Some records are longer than allowed.
  const alphabet = ["k".repeat(40), "a", ",", '"', '""', "\n", "\r\n", '"x"', "é", ",,", '","', "bcdefghij"];
  for (let n = 0; n < CASES; n++) {
    const text = Array.from({ length: random.below(60) }, () => random.pick(alphabet)).join("");
    const bytes = Buffer.from(text);
    const options = random.below(2) === 0 ? CSV : {};
    const whole = await split(bytes, options);
    const pieces = await split(bytes, options, () => 1 + random.below(9));
    assert.deepEqual(told(pieces), told(whole), JSON.stringify(text));
    assert.deepEqual(
      pieces.map(({ end, nextLine }) => [end, nextLine]),
      whole.map(({ end, nextLine }) => [end, nextLine]),
    );
    for (const { line, bytes: content } of whole) {
      const start =
        text
          .split("\n")
          .slice(0, line - 1)
          .join("\n").length + (line > 1 ? 1 : 0);
      assert.ok(text.slice(start).startsWith(content.toString()), `line ${line} of ${JSON.stringify(text)}`);
    }
    const at = random.below(whole.length + 1);
    const from = at === 0 ? { end: 0, nextLine: 1 } : whole[at - 1];
    if (from === undefined) continue;
    const rest = await split(bytes.subarray(from.end), { ...options, offset: from.end, line: from.nextLine });
    assert.deepEqual(told(rest), told(whole.slice(at)), `from record ${at} of ${JSON.stringify(text)}`);
  }
});
