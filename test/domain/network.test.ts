/** Addresses and networks as numbers. */
import assert from "node:assert/strict";
import { BlockList, isIP } from "node:net";
import { describe, test } from "node:test";
import { networkKeyOf, parseNetwork, sharedNetworkKey, toAddressNumber } from "../../src/domain/network.ts";
import { seededRandom } from "../support/random.ts";

describe("an address", () => {
  test("has one number, however it is spelled", () => {
    for (const [one, ...others] of [
      ["2001:db8::1", "2001:0DB8:0:0:0:0:0:1", "2001:db8:0::1", "2001:db8::1%eth0", "2001:db8::0.0.0.1"],
      ["192.0.2.1", "::ffff:192.0.2.1", "::FFFF:c000:201", "0:0:0:0:0:ffff:192.0.2.1"],
      ["::", "0::0", "0:0:0:0:0:0:0:0"],
      ["::1", "0:0::1"],
      ["1::", "1:0:0:0:0:0:0:0"],
    ]) {
      const number = toAddressNumber(one ?? "");
      assert.notEqual(number, undefined);
      for (const other of others) assert.equal(toAddressNumber(other), number, `${other} is ${one}`);
    }
  });

  test("is nothing else", () => {
    for (const text of ["", " ", "192.0.2", "192.0.2.256", "localhost", "2001:db8:::1", "192.0.2.1:80", "[::1]"]) {
      assert.equal(toAddressNumber(text), undefined, text);
    }
  });
});

describe("a network", () => {
  test("has the addresses that Node says it has", (t) => {
    const { below: part } = seededRandom(t);
    for (let i = 0; i < 300; i++) {
      const isV4 = part(2) === 0;
      const base = isV4 ? Array.from({ length: 4 }, () => part(256)) : Array.from({ length: 8 }, () => part(65_536));
      const write = (parts: number[]) => (isV4 ? parts.join(".") : parts.map((each) => each.toString(16)).join(":"));
      const prefix = part(isV4 ? 33 : 129);
      const list = new BlockList();
      const family = isV4 ? "ipv4" : "ipv6";
      list.addSubnet(write(base), prefix, family);
      const range = parseNetwork(`${write(base)}/${prefix}`);
      const near = base.map((each, at) => (at === part(base.length) ? part(isV4 ? 256 : 65_536) : each));
      for (const address of [write(base), write(near)]) {
        const number = toAddressNumber(address) ?? assert.fail(address);
        const isIn = range !== undefined && number >= range.first && number <= range.last;
        assert.equal(isIn, list.check(address, family), `${address} in ${write(base)}/${prefix}`);
      }
    }
  });

  test("is an address with a prefix that fits it, and nothing else", () => {
    assert.deepEqual(parseNetwork("192.0.2.1"), parseNetwork("192.0.2.1/32"));
    for (const text of [
      "",
      "192.0.2.0/33",
      "2001:db8::/129",
      "192.0.2.0/",
      "192.0.2.0/-1",
      "192.0.2.0/8/8",
      "fe80::1%a/64",
    ]) {
      assert.equal(parseNetwork(text), undefined, text);
    }
  });

  test("is found by one key where it is no larger than what the key stands for", () => {
    const keyOf = (text: string) => sharedNetworkKey(parseNetwork(text) ?? assert.fail(text));
    for (const [network, address] of [
      ["192.0.2.0/24", "192.0.2.255"],
      ["192.0.2.7", "192.0.2.7"],
      ["2001:db8:0:1::/64", "2001:db8:0:1:ffff::1"],
    ] as const) {
      assert.notEqual(isIP(address), 0);
      assert.equal(keyOf(network), networkKeyOf(toAddressNumber(address) ?? 0n));
    }
    for (const network of ["192.0.2.0/23", "2001:db8::/63", "::/0", "::/64", "0.0.0.0/0"]) {
      assert.equal(keyOf(network), undefined);
    }
  });
});
