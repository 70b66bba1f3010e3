/** What keeps a start from using a database: one plain sentence each, without a password. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { parseAddress } from "../../../../src/store/postgres/connect/address.ts";
import { type OpenOptions, openWritable } from "../../../../src/store/postgres/connect/open-writable.ts";
import { Primary } from "../../../../src/store/postgres/connect/primary.ts";
import { checkServer, type ServerReport } from "../../../../src/store/postgres/connect/server-check.ts";
import { defer } from "../../../support/cleanup.ts";
import { freePort } from "../../../support/nginx.ts";
import { noPostgres, sharedPostgres, startPostgres } from "../../../support/postgres.ts";
import { temporaryFolder } from "../../../support/service.ts";

/** Opens, checks and closes. */
async function enter(url: string, options: Partial<OpenOptions> = {}): Promise<ServerReport> {
  const address = parseAddress(url);
  const { connection } = await openWritable({ address, prepare: true, ...options });
  try {
    return await checkServer(connection, address);
  } finally {
    await connection.close();
  }
}

async function refusal(url: string, options?: Partial<OpenOptions>): Promise<string> {
  const error: unknown = await enter(url, options).then(
    () => assert.fail("the server was taken"),
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof Error && error.constructor === Error, String(error));
  const { password = "no password" } = parseAddress(url);
  assert.ok(!error.message.includes(password));
  assert.ok(!error.message.includes("\n"));
  return error.message;
}

/** Something that listens and does this with each connection. */
async function listen(t: TestContext, answer: "end" | "wait"): Promise<number> {
  const server = createServer((socket) => {
    socket.on("error", () => undefined);
    if (answer === "end") socket.end();
    defer(t, () => socket.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  defer(t, () => server.close());
  return (server.address() as { readonly port: number }).port;
}

describe("a server", { skip: (await noPostgres()) ?? false }, () => {
  test("that keeps what the store promises is taken; what risks a crash is warned of", async (t) => {
    const shared = await sharedPostgres();
    const report = await enter(shared.url());
    assert.equal(report.schema, "public");
    assert.ok(report.version.startsWith(shared.version));
    assert.deepEqual(
      report.warnings.map((sentence) => /has (\w+) = off/.exec(sentence)?.[1]),
      ["fsync", "full_page_writes"],
    );
    const durable = await startPostgres(t);
    assert.deepEqual((await enter(durable.url())).warnings, []);
  });

  test("with a wrong user, password, database, port or host is refused", async () => {
    const server = await sharedPostgres();
    const place = `127.0.0.1:${server.port}`;
    const userless = "PostgreSQL at PLACE refuses the user lockkeeper or the password";
    const free = await freePort();
    const cases: readonly [string, string][] = [
      [server.url().replace(server.password, "wrong-secret"), userless],
      [server.url().replace("lockkeeper:", "nobody:"), userless.replace("lockkeeper", "nobody")],
      [
        server.url().replace(`:${server.password}`, ""),
        "PostgreSQL at PLACE asks for a password, and neither the URL nor PGPASSWORD has one",
      ],
      [
        server.url("none"),
        `there is no database none at PLACE; create it: CREATE DATABASE "none" ENCODING 'UTF8' TEMPLATE template0`,
      ],
      [
        `postgres://lk:secret@127.0.0.1:${free}/x`,
        `nothing listens at 127.0.0.1:${free}; start PostgreSQL, or correct the host and the port`,
      ],
      ["postgres://lk:secret@%2Fno-folder/x", "there is no socket of PostgreSQL in /no-folder for the port 5432"],
      [
        `${server.url()}?sslmode=require`,
        "PostgreSQL at PLACE does not offer TLS; switch it on there, or add sslmode=disable for cleartext",
      ],
    ];
    for (const [url, expected] of cases) assert.equal(await refusal(url), expected.replace("PLACE", place));
  });

  test("that answers nothing, or is none, is refused in time", async (t) => {
    const mute = await listen(t, "wait");
    assert.equal(
      await refusal(`postgres://lk:secret@127.0.0.1:${mute}/x`, { connectMs: 100 }),
      `127.0.0.1:${mute} does not answer within 100 ms; correct the host and the port, or look at the network`,
    );
    const other = await listen(t, "end");
    assert.equal(
      await refusal(`postgres://lk:secret@127.0.0.1:${other}/x`),
      `127.0.0.1:${other} closed the connection; is PostgreSQL there?`,
    );
  });

  test("with another encoding, a weaker commit, no schema, or no connection left is refused", async (t) => {
    const server = await startPostgres(t, {
      fsync: false,
      settings: { max_connections: "12", superuser_reserved_connections: "1" },
    });
    await server.query("CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' LOCALE_PROVIDER libc TEMPLATE template0");
    assert.match(
      await refusal(server.url("latin")),
      /^the database latin at \S+ has the encoding LATIN1; create one with ENCODING 'UTF8' TEMPLATE template0$/,
    );
    await server.query("CREATE ROLE plain LOGIN PASSWORD 'plain-secret'");
    const plain = server.url().replace(/\/\/.*@/, "//plain:plain-secret@");
    for (const [setting, words] of [
      ["synchronous_commit = off", "synchronous_commit = off for the user plain"],
      ["search_path = nothing", "has no schema in the search_path of the user plain"],
      ["default_transaction_read_only = on", "takes no writes for the user plain: default_transaction_read_only is on"],
    ] as const) {
      await server.query(`ALTER ROLE plain SET ${setting}`);
      const message = await refusal(plain);
      assert.ok(message.includes(words), message);
      await server.query("ALTER ROLE plain RESET ALL");
    }
    await server.query("ALTER ROLE plain SET synchronous_commit = local");
    await enter(plain);
    await server.configure({ synchronous_standby_names: "none" });
    assert.match(
      await refusal(plain),
      /synchronous_commit = local .* may lose acknowledged changes; set it to on: ALTER ROLE "plain" SET/,
    );
    const { connection } = await openWritable({ address: parseAddress(plain), prepare: true });
    const held = await Promise.all(
      Array.from({ length: 12 }, () =>
        openWritable({ address: parseAddress(plain), prepare: true }).catch((error: Error) => error),
      ),
    );
    const refused = held.filter((each) => each instanceof Error);
    assert.ok(refused.length > 0);
    assert.equal(
      refused[0]?.message,
      `PostgreSQL at 127.0.0.1:${server.port} has no connection left; raise its max_connections, or lower --database-connections`,
    );
    await Promise.all(
      [{ connection }, ...held].map((each) => (each instanceof Error ? undefined : each.connection.close())),
    );
  });

  test("that is a standby is refused alone, and passed over next to its primary", async (t) => {
    const primary = await startPostgres(t, { fsync: false });
    const standby = await startPostgres(t, { fsync: false, standbyOf: primary });
    assert.equal(
      await refusal(standby.url()),
      `PostgreSQL at 127.0.0.1:${standby.port} is a standby, which takes no writes; name the primary in the URL, alone or in addition`,
    );
    const both = standby.url().replace(`:${standby.port}`, `:${standby.port},127.0.0.1:${primary.port}`);
    const { connection, host } = await openWritable({ address: parseAddress(both), prepare: true });
    assert.equal(host.port, primary.port);
    await connection.close();
    await primary.stop();
    assert.match(await refusal(both), /is a standby, .*; nothing listens at /);
  });

  test("that is a former primary is passed over next to the promoted one, and refused once that one was seen", async (t) => {
    const former = await startPostgres(t, { fsync: false });
    const promoted = await startPostgres(t, { fsync: false, standbyOf: former });
    await promoted.promote();
    const both = former.url().replace(`:${former.port}`, `:${former.port},127.0.0.1:${promoted.port}`);
    const address = parseAddress(both);
    const primary = new Primary();
    const { connection, host } = await openWritable({ address, prepare: true, primary });
    assert.equal(host.port, promoted.port);
    await connection.close();
    await promoted.stop();
    await assert.rejects(
      openWritable({ address, prepare: true, primary }),
      new RegExp(`127.0.0.1:${former.port} is a former primary: its timeline is 1, and another .* to 2; stop it`),
    );
  });
});

const noOpenssl = (() => {
  try {
    execFileSync("openssl", ["version"]);
    return false;
  } catch {
    return "there is no openssl on this machine";
  }
})();

describe("TLS", { skip: noOpenssl || ((await noPostgres()) ?? false) }, () => {
  test("is verified by authority and by name, as far as sslmode asks", async (t) => {
    const folder = await temporaryFolder(t);
    const file = (name: string): string => join(folder, name);
    const names = ["-subj", "/CN=db.example", "-addext", "subjectAltName=DNS:db.example"];
    execFileSync(
      "openssl",
      [
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-keyout",
        file("key"),
        "-out",
        file("cert"),
        ...names,
      ],
      { stdio: "ignore" },
    );
    const tls = { certificate: readFileSync(file("cert"), "utf8"), key: readFileSync(file("key"), "utf8") };
    const server = await startPostgres(t, { fsync: false, tls });
    const ca = `sslrootcert=${encodeURIComponent(file("cert"))}`;
    const place = `127.0.0.1:${server.port}`;
    for (const query of ["sslmode=disable", "sslmode=require", `sslmode=require&${ca}`, `sslmode=verify-ca&${ca}`]) {
      await enter(`${server.url()}?${query}`);
    }
    for (const query of ["sslmode=verify-full", "sslmode=verify-ca"]) {
      assert.match(
        await refusal(`${server.url()}?${query}`),
        /^the certificate of \S+ is not trusted \(DEPTH_ZERO_SELF_SIGNED_CERT\); name the file of its authority with sslrootcert$/,
      );
    }
    assert.equal(
      await refusal(`${server.url()}?sslmode=verify-full&${ca}`),
      `the certificate of ${place} is not one of 127.0.0.1; correct the host, or use sslmode=verify-ca`,
    );
  });
});
