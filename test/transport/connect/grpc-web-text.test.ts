/** The base64 layer of gRPC-Web: text in pieces of any size, padding at the end of any piece, answers in text. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import {
  decodeText,
  encodeText,
  isGrpcWebText,
  toBinaryType,
  toTextType,
} from "../../../src/transport/connect/grpc-web-text.ts";
import { type Lab, startLab } from "../support/lab.ts";
import { authorized, frame } from "../support/raw.ts";

async function decode(...pieces: string[]): Promise<string> {
  const body = (async function* () {
    yield* pieces.map((piece) => Buffer.from(piece));
  })();
  let text = "";
  for await (const bytes of decodeText(body)) text += Buffer.from(bytes).toString();
  return text;
}

describe("gRPC-Web text", () => {
  let lab: Lab;
  before(async () => {
    lab = await startLab();
  });
  after(() => lab.stop());

  it("decodes concatenated padded pieces, however they are cut", async () => {
    const text = ["a", "bc", "def", "ghij"].map((part) => Buffer.from(part).toString("base64")).join("");
    assert.equal(text, "YQ==YmM=ZGVmZ2hpag==");
    assert.equal(await decode(text), "abcdefghij");
    assert.equal(await decode(...text), "abcdefghij");
    assert.equal(await decode(text.slice(0, 3), "", text.slice(3, 9), text.slice(9)), "abcdefghij");
    assert.equal(await decode(""), "");
  });

  it("refuses text that is not base64", async () => {
    for (const text of ["YQ", "YQ=", "Y===", "====", "YQ=a", "Y Q=", "YQ-_", "\u00e9bcd"]) {
      await assert.rejects(decode(text), /not valid base64/, text);
    }
  });

  it("encodes each piece separately", () => {
    assert.equal(encodeText(Buffer.from("a")).toString(), "YQ==");
  });

  it("knows its media types", () => {
    assert.ok(isGrpcWebText("application/grpc-web-text") && isGrpcWebText("Application/gRPC-Web-Text+proto"));
    assert.ok(!isGrpcWebText("application/grpc-web") && !isGrpcWebText("application/grpc-web-texture"));
    assert.equal(toBinaryType("application/grpc-web-text+proto"), "application/grpc-web+proto");
    assert.equal(toTextType("application/grpc-web+proto"), "application/grpc-web-text+proto");
  });

  it("answers in text, also when the text itself is refused", async () => {
    const send = async (body: string): Promise<[string | null, string]> => {
      const response = await fetch(`${lab.url}/lab.v1.LabService/Count`, {
        method: "POST",
        headers: { ...authorized, "content-type": "application/grpc-web-text" },
        body,
      });
      return [response.headers.get("content-type"), await decode(await response.text())];
    };
    const count = Buffer.from([8, 2]);
    const [type, streamed] = await send(frame(count).toString("base64"));
    assert.equal(type, "application/grpc-web-text+proto");
    assert.match(streamed, /grpc-status: 0/);
    assert.ok(streamed.startsWith("\0\0\0\0\u0002\b\u0001\0\0\0\0\u0002\b\u0002"), "two messages come first");
    const [, refused] = await send("AAA");
    assert.match(refused, /base64\r\ngrpc-status: 3\r\n/);
  });
});
