/** Masks in both spellings, in a query and everywhere a message may have one. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { create, type DescMessage, fromJsonString } from "@bufbuild/protobuf";
import { FieldMaskSchema } from "@bufbuild/protobuf/wkt";
import { isFieldMaskText, mayHoldMask, toFieldMask } from "../../src/transcoding/field-mask.ts";
import { parseJson, toMessage } from "../../src/transcoding/json-message.ts";
import { message, registry, utf8 } from "./support/shelf.ts";

const TEXT = "displayName,labels.tier_2,labels.acme-crm,labels.aB,labels.a_b,*";
const PATHS = ["display_name", "labels.tier_2", "labels.acme-crm", "labels.a_b", "labels.a_b", "*"];
const BOOK: DescMessage = message("Book");

test("a text becomes paths in snake_case", () => {
  assert.deepEqual(toFieldMask(TEXT), create(FieldMaskSchema, { paths: PATHS }));
  assert.deepEqual(toFieldMask("").paths, []);
  for (const text of [",", "a,", "a b", "a,,b", "\ue05f", "ä", 'a"']) assert.equal(isFieldMaskText(text), false, text);
});

test("a body is read this way under both names of the field, and the parsed value fits protobuf-es", () => {
  assert.ok(mayHoldMask(BOOK));
  for (const body of [`{"mask":"${TEXT}"}`, `{"title":"x","mask":"${TEXT}"}`]) {
    const parsed = parseJson(utf8(body));
    const book = toMessage(BOOK, parsed, { unknownFields: "refuse", registry }) as unknown as {
      mask: { paths: string[] };
    };
    assert.deepEqual(book.mask.paths, PATHS);
    fromJsonString(BOOK, JSON.stringify(parsed.json), { registry });
  }
});
