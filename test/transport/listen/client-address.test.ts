/** The client's address behind proxies: read from the right while the hops are trusted. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { createClientAddress, type ForwardedHeader } from "../../../src/transport/listen/client-address.ts";
import { threadCpuMs } from "../../support/cpu-time.ts";
import { seededRandom } from "../../support/random.ts";
import { scaled } from "../../support/scale.ts";

const PROXY = "10.0.0.1";
const trusted = [
  { address: "10.0.0.0", prefix: 8 },
  { address: "2001:db8::", prefix: 32 },
];

function clientOf(header: ForwardedHeader, peer: string, value: string | undefined): string {
  const read = (name: string): string | undefined => (name === header ? value : "203.0.113.66");
  return createClientAddress({ trusted, header })(peer, read);
}

/** The peer, the header and the resulting client. */
const LISTED: readonly (readonly [peer: string, value: string | undefined, client: string])[] = [
  [PROXY, undefined, PROXY],
  [PROXY, "", PROXY],
  [PROXY, "192.0.2.1", "192.0.2.1"],
  [PROXY, "203.0.113.66, 192.0.2.1", "192.0.2.1"],
  [PROXY, "203.0.113.66,192.0.2.1 , 10.2.3.4", "192.0.2.1"],
  [PROXY, "10.9.9.9, 10.2.3.4", "10.9.9.9"],
  [PROXY, "192.0.2.1:4711", "192.0.2.1"],
  [PROXY, "2001:db9::1", "2001:db9::1"],
  [PROXY, "[2001:db9::1]", "2001:db9::1"],
  [PROXY, "[2001:db9::1]:4711", "2001:db9::1"],
  [PROXY, "2001:0DB9:0:0::0001", "2001:db9::1"],
  [PROXY, "::ffff:192.0.2.1", "192.0.2.1"],
  [PROXY, "::FFFF:c000:201", "192.0.2.1"],
  [PROXY, "0:0:0:0:0:ffff:192.0.2.1", "192.0.2.1"],
  [PROXY, "203.0.113.66, ::ffff:10.2.3.4", "203.0.113.66"],
  [PROXY, "203.0.113.66, unknown", PROXY],
  [PROXY, "203.0.113.66, nonsense, 10.2.3.4", "10.2.3.4"],
  [PROXY, "203.0.113.66, 192.0.2.256", PROXY],
  [PROXY, "203.0.113.66, 192.0.2.1:x", PROXY],
  [PROXY, "203.0.113.66, [192.0.2.1]", PROXY],
  [PROXY, "203.0.113.66,", PROXY],
  [PROXY, "192.0.2.1\u0000", PROXY],
  ["2001:db8::7", "192.0.2.1", "192.0.2.1"],
  ["2001:db8::7%eth0", "192.0.2.1", "192.0.2.1"],
  // An untrusted peer is not believed, whatever it sends.
  ["192.0.2.9", "203.0.113.66", "192.0.2.9"],
  ["11.0.0.1", "203.0.113.66", "11.0.0.1"],
  ["2001:db9::7", "203.0.113.66", "2001:db9::7"],
  ["", "203.0.113.66", ""],
];

const FORWARDED: readonly (readonly [peer: string, value: string | undefined, client: string])[] = [
  [PROXY, undefined, PROXY],
  [PROXY, "for=192.0.2.1", "192.0.2.1"],
  [PROXY, 'For="192.0.2.1:80"', "192.0.2.1"],
  [PROXY, 'by=x;FOR="[2001:db9::1]:4711";proto=https', "2001:db9::1"],
  [PROXY, "for=203.0.113.66, for=192.0.2.1;proto=http;by=10.0.0.2", "192.0.2.1"],
  [PROXY, 'for=203.0.113.66, for=192.0.2.1, for="10.2.3.4"', "192.0.2.1"],
  [PROXY, "for=203.0.113.66, for=unknown", PROXY],
  [PROXY, "for=203.0.113.66, for=_hidden", PROXY],
  [PROXY, "for=203.0.113.66, proto=https", PROXY],
  [PROXY, "203.0.113.66", PROXY],
  // A quote that the client leaves open does not swallow what the proxy adds.
  [PROXY, 'for=203.0.113.66;x=", for="192.0.2.1"', "192.0.2.1"],
  [PROXY, 'for="203.0.113.66, for="[2001:db9::1]"', "2001:db9::1"],
  [PROXY, 'for=203.0.113.66", for=192.0.2.1', "192.0.2.1"],
  ["192.0.2.9", "for=203.0.113.66", "192.0.2.9"],
  // Client input may be quoted in the proxy's own element.
  [PROXY, 'proto=http;host="x;for=203.0.113.66;y";for=192.0.2.1', "192.0.2.1"],
  [PROXY, String.raw`for=192.0.2.1;host="\",for=203.0.113.66;x=\""`, "192.0.2.1"],
  [PROXY, String.raw`for=192.0.2.1;host="\\"`, "192.0.2.1"],
  [PROXY, String.raw`for="192.0.2\.1"`, "192.0.2.1"],
  [PROXY, ";;for=192.0.2.1 ; proto=http;", "192.0.2.1"],
  // Where it is unclear who wrote what, no client is named.
  [PROXY, "for=192.0.2.1;for=203.0.113.66", PROXY],
  [PROXY, 'for=192.0.2.1;for="192.0.2.1"', PROXY],
  [PROXY, 'for=203.0.113.66;host="a"b";for=192.0.2.1', PROXY],
  [PROXY, "for=203.0.113.66;secure", PROXY],
  [PROXY, "for=", PROXY],
];

describe("the client's address", () => {
  for (const [peer, value, client] of LISTED) {
    test(`x-forwarded-for ${JSON.stringify(value)} from ${peer} is ${client}`, () => {
      assert.equal(clientOf("x-forwarded-for", peer, value), client);
    });
  }

  for (const [peer, value, client] of FORWARDED) {
    test(`forwarded ${JSON.stringify(value)} from ${peer} is ${client}`, () => {
      assert.equal(clientOf("forwarded", peer, value), client);
    });
  }

  test("is the peer's if no proxy is trusted", () => {
    const read = (): never => assert.fail("no header is looked at");
    assert.equal(createClientAddress(undefined)(PROXY, read), PROXY);
    assert.equal(createClientAddress({ trusted: [], header: "forwarded" })(PROXY, read), PROXY);
  });

  test("P26 is never chosen by what a client sends before the proxy's own element", (t) => {
    const text = fc.string({ unit: fc.constantFrom(...'0123456789abcdef.:,;"\\[] =for'), maxLength: 60 });
    fc.assert(
      fc.property(text, (sent) => {
        assert.equal(clientOf("x-forwarded-for", PROXY, `${sent}, 192.0.2.1`), "192.0.2.1");
        assert.equal(clientOf("forwarded", PROXY, `${sent}, for=192.0.2.1`), "192.0.2.1");
        assert.equal(clientOf("forwarded", PROXY, `${sent}, for="[2001:db9::1]:80"`), "2001:db9::1");
        assert.equal(clientOf("x-forwarded-for", "192.0.2.9", sent), "192.0.2.9");
      }),
      { seed: seededRandom(t).seed, numRuns: scaled({ quick: 2_000, soak: 500_000 }) },
    );
  });

  test("P26 is never chosen by client input that the proxy quotes in its own element", (t) => {
    const text = fc.string({ unit: fc.constantFrom(...'.:,;"\\= ', "for=203.0.113.66"), maxLength: 20 });
    fc.assert(
      fc.property(text, text, (sent, host) => {
        const quoted = `"${host.replaceAll(/["\\]/g, String.raw`\$&`)}"`;
        assert.equal(clientOf("forwarded", PROXY, `${sent}, for=192.0.2.1;host=${quoted}`), "192.0.2.1");
        assert.equal(
          clientOf("forwarded", PROXY, `${sent},host=${quoted}; for="192.0.2.1:80";proto=http`),
          "192.0.2.1",
        );
        assert.equal(clientOf("forwarded", PROXY, `${sent}, host=${quoted}`), PROXY);
      }),
      { seed: seededRandom(t).seed, numRuns: scaled({ quick: 2_000, soak: 500_000 }) },
    );
  });

  test("is found without delay in a header of any shape", () => {
    const shapes = [",", "for=10.0.0.9,", '"', "\\", " ", "a", "a=b;", ";", '\\",', '"\\'];
    for (const header of ["forwarded", "x-forwarded-for"] as const) {
      for (const shape of shapes) {
        for (const end of ["", "!", '"', ",for=10.0.0.9"]) {
          const value = shape.repeat(15_000 / shape.length) + end;
          const times = [0, 1, 2].map(() => {
            const before = threadCpuMs();
            clientOf(header, PROXY, value);
            return threadCpuMs() - before;
          });
          // Quadratic code took 16 ms and more; the least of three runs excludes the garbage collector.
          assert.ok(Math.min(...times) < 12, `${JSON.stringify(shape)} … ${end}: ${Math.min(...times)} ms`);
        }
      }
    }
  });
});
