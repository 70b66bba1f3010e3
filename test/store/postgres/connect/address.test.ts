/** The URL of a database: what it means, and what is refused without repeating a password. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { describeAddress, parseAddress } from "../../../../src/store/postgres/connect/address.ts";
import { serverAt } from "../../../../src/store/postgres/connect/tls.ts";

const NO_TLS = { mode: "disable", rootCert: undefined, cert: undefined, key: undefined };
const VERIFIED = { ...NO_TLS, mode: "verify-full" };

describe("a URL", () => {
  const allowed: readonly [string, object][] = [
    ["postgres://lk:secret@db.example:6432/locks", { hosts: [{ name: "db.example", port: 6432 }], database: "locks" }],
    ["postgresql://lk:secret@db.example", { hosts: [{ name: "db.example", port: 5432 }], database: "lk" }],
    ["postgres://lk@db.example/", { password: undefined, database: "lk" }],
    ["postgres://lk:@db.example:/x", { password: undefined, hosts: [{ name: "db.example", port: 5432 }] }],
    ["postgres://l%40k:p%40ss%2Fw%3Aord%25@h/d%20b", { user: "l@k", password: "p@ss/w:ord%", database: "d b" }],
    ["postgres://lk:a:b@h/x", { password: "a:b" }],
    [
      "postgres://lk@a:1,b,[2001:db8::1]:3,[::1]/x",
      {
        hosts: [
          { name: "a", port: 1 },
          { name: "b", port: 5432 },
          { name: "2001:db8::1", port: 3 },
          { name: "::1", port: 5432 },
        ],
      },
    ],
    [
      "postgres://lk@%2Fvar%2Frun%2Fpostgresql/x",
      { hosts: [{ name: "/var/run/postgresql", port: 5432 }], tls: NO_TLS },
    ],
    ["postgres://lk@h/x", { tls: VERIFIED }],
    ["postgres://lk@localhost,127.0.0.2,[::1]/x", { tls: NO_TLS }],
    ["postgres://lk@localhost,db/x", { tls: VERIFIED }],
    ["postgres://lk@h/x?sslmode=disable", { tls: NO_TLS }],
    ["postgres://lk@h/x?sslmode=require&", { tls: { ...NO_TLS, mode: "require" } }],
    [
      "postgres://lk@h?sslmode=verify-ca&sslrootcert=%2Fa%26b",
      { tls: { ...NO_TLS, mode: "verify-ca", rootCert: "/a&b" } },
    ],
    ["postgres://lk@h?sslcert=c&sslkey=k=", { tls: { ...VERIFIED, cert: "c", key: "k=" } }],
  ];
  for (const [url, expected] of allowed) {
    test(url, () => {
      assert.deepEqual({ ...parseAddress(url), ...expected }, parseAddress(url));
    });
  }
});

describe("a URL that is refused", () => {
  const refused: readonly [string, RegExp][] = [
    ["mysql://lk:SECRET@h/x", /it must be like postgres:\/\/USER:PASSWORD@HOST:PORT\/DATABASE$/],
    ["postgres://", /the user is missing/],
    ["postgres://h/x", /the user is missing/],
    ["postgres://:SECRET@h/x", /the user is missing/],
    ["postgres://lk:SE#CRET@h/x", /a # is not allowed; .*percent-encoded/],
    ["postgres://lk:SE@CRET@h/x", /it has an @ too many; .*percent-encoded, such as %40/],
    ["postgres://lk:SE/CRET@h/x", /it has an @ too many; .*%2F for \//],
    ["postgres://lk:SE?CRET@h/x", /it has an @ too many/],
    ["postgres://lk:SECRET%@h/x", /the password has a % that encodes nothing/],
    ["postgres://lk:SECRET%00@h/x", /the password has the character U\+0000/],
    [
      "postgres://lk:SECRET@/x",
      /a host is not allowed; it must be a name, an IPv4 address, an IPv6 address in brackets/,
    ],
    ["postgres://lk:SECRET@a,,b/x", /a host is not allowed/],
    ["postgres://lk:SECRET@::1/x", /a host is not allowed|the port of/],
    ["postgres://lk:SECRET@[1.2.3.4]/x", /a host is not allowed/],
    ["postgres://lk:SECRET@a b/x", /a host is not allowed/],
    ["postgres://lk:SECRET@db:0/x", /the port of db is not allowed; it must be a number from 1 to 65535$/],
    ["postgres://lk:SECRET@db:65536/x", /the port of db is not allowed/],
    ["postgres://lk:SECRET@db:5e3/x", /the port of db is not allowed/],
    ["postgres://lk:SECRET@h/a/b", /the database has a \/; write it as %2F$/],
    [
      "postgres://lk:SECRET@h/x?password=SECRET",
      /the parameter "password" is not known; allowed are sslmode, sslrootcert, sslcert, sslkey$/,
    ],
    ["postgres://lk:SECRET@h/x?sslmode=disable&sslmode=require", /the parameter sslmode is given twice/],
    ["postgres://lk:SECRET@h/x?sslmode=", /the parameter sslmode is empty/],
    [
      "postgres://lk:SECRET@h/x?sslmode=yes",
      /sslmode="yes" is not allowed; it must be one of disable, require, verify-ca/,
    ],
    [
      "postgres://lk:SECRET@h/x?sslmode=prefer",
      /sslmode="prefer" is not allowed, because an attacker could choose cleartext/,
    ],
    ["postgres://lk:SECRET@h/x?sslcert=a", /sslcert and sslkey must be given together/],
    ["postgres://lk:SECRET@localhost/x?sslrootcert=a", /need an sslmode other than disable/],
  ];
  for (const [url, expected] of refused) {
    test(url, () => {
      assert.throws(
        () => parseAddress(url),
        ({ message }: Error) => {
          assert.match(message, /^the URL of the database is not allowed: /);
          assert.match(message, expected);
          assert.doesNotMatch(message, /SE.?CRET|CRET/);
          return true;
        },
      );
    });
  }
});

test("a password that the URL does not have is that of PGPASSWORD", () => {
  const environment = { PGPASSWORD: "from outside" };
  assert.equal(parseAddress("postgres://lk@h/x", environment).password, "from outside");
  assert.equal(parseAddress("postgres://lk:own@h/x", environment).password, "own");
  assert.equal(parseAddress("postgres://lk@h/x", { PGPASSWORD: "" }).password, undefined);
});

test("a description has neither user nor password", () => {
  const address = parseAddress("postgres://someone:secret@a:1,[::1]/locks?sslmode=disable");
  assert.equal(describeAddress(address), "locks at a:1, [::1]:5432");
});

test("TLS of each mode; a file that cannot be read is named", () => {
  const tlsOf = (url: string) => {
    const address = parseAddress(url);
    const [host] = address.hosts;
    assert.ok(host);
    return serverAt(address, host).tls;
  };
  assert.equal(tlsOf("postgres://lk@h/x?sslmode=disable"), false);
  assert.equal(tlsOf("postgres://lk@%2Ftmp/x?sslmode=require"), false);
  assert.deepEqual(tlsOf("postgres://lk@h/x"), { rejectUnauthorized: true });
  const required = tlsOf("postgres://lk@h/x?sslmode=require");
  assert.ok(required !== false && required.rejectUnauthorized === false);
  const vouched = tlsOf(`postgres://lk@h/x?sslmode=require&sslrootcert=${encodeURIComponent(import.meta.filename)}`);
  assert.ok(vouched !== false && vouched.rejectUnauthorized === true);
  assert.equal(vouched.checkServerIdentity?.("h", {} as never), undefined);
  assert.throws(() => tlsOf("postgres://lk@h/x?sslrootcert=%2Fno-file"), {
    message: "the URL of the database: the file of sslrootcert, /no-file, is not usable: ENOENT",
  });
});
