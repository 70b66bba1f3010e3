/** TLS on the one port: every protocol inside, certificates renewed while it runs, other clients kept out. */
import assert from "node:assert/strict";
import { createPrivateKey } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import * as http2 from "node:http2";
import { request as httpsRequest } from "node:https";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import * as tls from "node:tls";
import type { TlsOptions } from "../../../src/transport/listen/listener.ts";
import { readTlsFiles } from "../../../src/transport/listen/tls-files.ts";
import { Authority, noOpenssl } from "../support/certificates.ts";
import { type Lab, withLab } from "../support/lab.ts";

const skip = noOpenssl() ?? false;
const folder = mkdtempSync(join(tmpdir(), "lockkeeper-tls-"));
after(() => rmSync(folder, { recursive: true }));

/** Returns the answer to a request over HTTP/1.1, or the code of the failure. */
function get(lab: Lab, options: tls.ConnectionOptions): Promise<string> {
  return new Promise((resolve) => {
    const sent = httpsRequest(
      { host: "127.0.0.1", port: lab.port, path: "/plain/x", agent: false, ...options },
      (answer) => {
        let text = "";
        answer.on("data", (chunk: Buffer) => (text += chunk.toString()));
        answer.on("end", () => resolve(`${answer.statusCode} ${text}`));
        answer.on("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? "error"));
      },
    );
    sent.on("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? "error"));
    sent.end();
  });
}

/** Returns the serial number of the port's present certificate. */
async function serialOf(lab: Lab, ca: string): Promise<string> {
  const socket = tls.connect({ host: "127.0.0.1", port: lab.port, ca, ALPNProtocols: ["h2"] });
  await once(socket, "secureConnect");
  const { serialNumber } = socket.getPeerCertificate();
  socket.destroy();
  return serialNumber;
}

describe("TLS", { skip }, () => {
  if (skip !== false) return;
  const authority = new Authority(folder);
  const one = authority.issue("one");
  const two = authority.issue("two");
  const shown: TlsOptions = { cert: one.certPem, key: one.keyPem };
  const ca = authority.certPem;

  it("carries HTTP/1.1 and HTTP/2, by the protocol that the client prefers", async () => {
    await withLab({ tls: shown }, async (lab) => {
      assert.equal(lab.url, `https://127.0.0.1:${lab.port}`);
      assert.equal(await get(lab, { ca }), "200 plain GET /plain/x");
      const session = http2.connect(lab.url, { ca });
      const stream = session.request({ ":path": "/plain/y" });
      let text = "";
      stream.on("data", (chunk: Buffer) => (text += chunk.toString()));
      await once(stream, "end");
      assert.equal(text, "plain GET /plain/y");
      assert.equal(session.alpnProtocol, "h2");
      session.close();
    });
  });

  it("refuses connections that are not TLS, and does not wait forever for a handshake", async () => {
    await withLab({ tls: shown, limits: { headerTimeoutMs: 150 } }, async (lab) => {
      const plain = connect(lab.port, "127.0.0.1");
      plain.write("GET /plain HTTP/1.1\r\nHost: a\r\n\r\n");
      let text = "";
      plain.on("data", (chunk: Buffer) => (text += chunk.toString("latin1")));
      await once(plain, "close");
      assert.doesNotMatch(text, /HTTP/);
      const silent = connect(lab.port, "127.0.0.1");
      silent.on("error", () => undefined);
      await once(silent, "close");
      assert.equal(await get(lab, { ca }), "200 plain GET /plain/x");
    });
  });

  it("shows a renewed certificate to new connections and keeps the present one if the new one is not usable", async () => {
    await withLab({ tls: shown }, async (lab) => {
      const first = await serialOf(lab, ca);
      const session = http2.connect(lab.url, { ca });
      await once(session, "connect");
      lab.transport.renewTls({ cert: two.certPem, key: two.keyPem });
      const second = await serialOf(lab, ca);
      assert.notEqual(second, first);
      assert.throws(() => lab.transport.renewTls({ cert: one.certPem, key: two.keyPem }));
      assert.equal(await serialOf(lab, ca), second);
      const stream = session.request({ ":path": "/plain/z" });
      const [header] = (await once(stream, "response")) as [http2.IncomingHttpHeaders];
      assert.equal(header[":status"], 200, "a connection of before goes on");
      session.close();
    });
    await withLab({}, async (lab) => {
      assert.throws(() => lab.transport.renewTls(shown), /speaks cleartext/);
    });
  });

  it("lets only clients of the named authority connect where one is named", async () => {
    const stranger = new Authority(folder, "stranger").issue("somebody");
    const client = authority.issue("client");
    await withLab({ tls: { ...shown, clientCa: ca } }, async (lab) => {
      assert.equal(await get(lab, { ca, cert: client.certPem, key: client.keyPem }), "200 plain GET /plain/x");
      assert.doesNotMatch(await get(lab, { ca }), /plain/);
      assert.doesNotMatch(await get(lab, { ca, cert: stranger.certPem, key: stranger.keyPem }), /plain/);
    });
  });

  it("refuses files that cannot be used, naming them", () => {
    const old = authority.issue("old", -1);
    const text = join(folder, "text");
    writeFileSync(text, "no PEM");
    const written = (name: string, content: string): string => {
      writeFileSync(join(folder, name), content);
      return join(folder, name);
    };
    const read = (cert: string, key: string, clientCa?: string) => () => readTlsFiles({ cert, key, clientCa });
    assert.throws(read(join(folder, "missing"), one.key), /missing cannot be read: ENOENT/);
    assert.throws(read(text, one.key), /text is not a certificate chain in PEM form/);
    assert.throws(read(one.cert, text), /text is not a private key in PEM form/);
    const notItsKey = (path: string) =>
      new RegExp(`${path} is not the key of the first certificate in .*one\\.crt \\(CN=one\\)`);
    assert.throws(read(one.cert, two.key), notItsKey(two.key));
    // OpenSSL accepts a pair of different types, and then every handshake fails.
    const rsa = authority.issue("rsa", 2, "rsa");
    assert.throws(read(one.cert, rsa.key), notItsKey(rsa.key));
    assert.equal(read(rsa.cert, rsa.key)().cert, rsa.certPem);
    const chain = (name: string, ...pems: readonly string[]): string => written(name, pems.join(""));
    assert.throws(
      read(chain("reversed", ca, one.certPem), one.key),
      /is not the key of the first certificate in .*reversed/,
    );
    assert.equal(read(chain("chain", one.certPem, ca), one.key)().cert, one.certPem + ca);
    const sealed = createPrivateKey(one.keyPem).export({
      type: "pkcs8",
      format: "pem",
      cipher: "aes-256-cbc",
      passphrase: "x",
    });
    assert.throws(
      read(one.cert, written("sealed", `${sealed}`)),
      /sealed is encrypted; give a private key without a passphrase/,
    );
    assert.throws(
      () => readTlsFiles({ cert: one.cert, key: one.key, clientCa: undefined }, 0),
      /one\.crt is not valid yet: it is valid from /,
    );
    assert.throws(read(old.cert, old.key), /old\.crt has expired: it was valid until \w+/);
    assert.throws(read(one.cert, one.key, text), /text is not certificates of authorities/);
    assert.deepEqual(read(one.cert, one.key, authority.cert)(), { ...shown, clientCa: ca });
    // OpenSSL would skip these, and no client could connect any more.
    const broken = ca.replace(/\n[A-Za-z0-9+/]{8}/, "\nAAAAAAAA");
    assert.notEqual(broken, ca);
    const bad: readonly (readonly [name: string, content: string, told: RegExp])[] = [
      ["marker", "-----BEGIN CERTIFICATE-----\n", /marker is not .* in PEM form: 0 of 1 certificates are whole/],
      ["end", "-----END CERTIFICATE-----\n", /end is not .* in PEM form: 0 of 0 certificates are whole/],
      ["cut", `${ca}${ca.slice(0, -30)}`, /cut is not .* in PEM form: 1 of 2 certificates are whole/],
      [
        "junk",
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        /junk: certificate 1 of 1 cannot be read/,
      ],
      ["second", `${ca}${broken}`, /second: certificate 2 of 2 cannot be read/],
    ];
    for (const [name, content, told] of bad) {
      const file = written(name, content);
      assert.throws(read(one.cert, one.key, file), told);
      assert.throws(read(file, one.key), told);
    }
    const both = written("two-authorities", `# ours\n${ca}\n${new Authority(folder, "second-ca").certPem}`);
    assert.doesNotThrow(read(one.cert, one.key, both));
    assert.doesNotThrow(read(written("chain", `${one.certPem}${ca}`), one.key));
  });
});
