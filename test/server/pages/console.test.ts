/** The console as the service serves it: paths, headers, codings, and where it is switched off. */
import assert from "node:assert/strict";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { before, test } from "node:test";
import { buildConsole, isConsoleStale } from "../../../scripts/build-console.ts";
import { consoleMounts } from "../../../src/server/pages/console.ts";
import { rawGet } from "../../support/raw-get.ts";
import { startService, temporaryFolder } from "../../support/service.ts";
import { withLab } from "../../transport/support/lab.ts";

before(async () => {
  if (isConsoleStale()) await buildConsole();
});

test("the page has the headers that keep it safe, and browsers keep its files", async (t) => {
  const { url } = await startService(t);
  const page = await fetch(`${url}/console`);
  assert.equal(page.status, 200);
  assert.match(page.headers.get("content-type") ?? "", /^text\/html/);
  assert.equal(
    page.headers.get("content-security-policy"),
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
      "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'",
  );
  assert.equal(page.headers.get("cross-origin-opener-policy"), "same-origin");
  assert.equal(page.headers.get("referrer-policy"), "no-referrer");
  assert.equal(page.headers.get("x-content-type-options"), "nosniff");
  assert.equal(page.headers.get("cache-control"), "no-cache");
  const text = await page.text();
  const [script = ""] = /\/console\/assets\/[^"]+\.js/.exec(text) ?? [];
  const etag = page.headers.get("etag") ?? "";
  // A proxy that compresses makes a weak one of it.
  for (const known of [etag, `W/${etag}`, `"other", ${etag}`]) {
    const again = await fetch(`${url}/console/users/alice`, { headers: { "if-none-match": known } });
    assert.deepEqual([again.status, again.headers.get("vary")], [304, "Accept-Encoding"], known);
  }
  const others = { "if-none-match": '"other", undefined', range: "bytes=0-9" };
  assert.equal((await fetch(`${url}/console`, { headers: others })).status, 200);
  for (const [accepted, coding] of [
    ["br, gzip", "br"],
    ["gzip", "gzip"],
    ["br;q=0", null],
  ] as const) {
    const file = await fetch(url + script, { headers: { "accept-encoding": accepted } });
    assert.equal(file.headers.get("content-encoding"), coding, accepted);
    assert.equal(file.headers.get("vary"), "Accept-Encoding");
    assert.equal(file.headers.get("cache-control"), "public, max-age=31536000, immutable");
    assert.ok((await file.text()).length > 100_000, accepted);
  }
  const notices = await fetch(`${url}/console/THIRD-PARTY-NOTICES.txt`);
  assert.equal(notices.headers.get("content-type"), "text/plain; charset=utf-8");
  assert.match(await notices.text(), /preact/);
  const head = await fetch(url + script, { method: "HEAD" });
  assert.deepEqual([head.status, (await head.bytes()).length], [200, 0]);
});

test("every path below it is its page, except for what no build made; other methods are refused", async (t) => {
  const { url, log } = await startService(t);
  for (const path of ["/console/", "/console/users", "/console/users/a%2Fb/timeline", "/console/callback"]) {
    const answer = await fetch(url + path);
    assert.deepEqual([answer.status, (await answer.text()).includes('id="console"')], [200, true], path);
  }
  // As bytes: fetch would resolve the dots.
  for (const path of [
    "/console/assets/none.js",
    "/console/assets/../.built",
    "/console/assets/..%2f..%2fpackage.json",
    "/console/assets/%00",
    "/console/assets/",
    "/console/assets/index.html",
  ]) {
    assert.match(await rawGet(url, path), /^HTTP\/1\.1 404 /, path);
  }
  for (const path of ["/console/../../package.json", "/console/%2e%2e/package.json", "/console//package.json"]) {
    assert.doesNotMatch(await rawGet(url, path), /devDependencies/, path);
  }
  assert.match(await rawGet(url, `/console/${"a".repeat(20_000)}`), /^HTTP\/1\.1 4(?:14|31) /);
  // Anyone who reads the log could use what an issuer sends along.
  await (await fetch(`${url}/console/callback?code=a-code-of-an-issuer&state=x`)).text();
  assert.doesNotMatch(log(), /a-code-of-an-issuer/);
  const post = await fetch(`${url}/console`, { method: "POST", body: "{}" });
  assert.deepEqual([post.status, post.headers.get("allow")], [405, "GET, HEAD"]);
  const root = await fetch(url, { redirect: "manual" });
  assert.deepEqual([root.status, root.headers.get("location")], [302, "/console"]);
});

test("it is not served where the setting says so, and `/` leads to the reference then", async (t) => {
  const { url } = await startService(t, { config: { console: false } });
  assert.equal((await fetch(`${url}/console`)).status, 404);
  assert.equal((await fetch(url, { redirect: "manual" })).headers.get("location"), "/docs");
});

test("a build that takes the place of another under a service is served whole, or not at all", async (t) => {
  const folder = join(await temporaryFolder(t), "dist");
  const build = async (name: string): Promise<void> => {
    await rm(folder, { recursive: true, force: true });
    await mkdir(join(folder, "assets"), { recursive: true });
    await writeFile(join(folder, "index.html"), `/console/assets/${name}.js`);
    await writeFile(join(folder, `assets/${name}.js`), name);
  };
  const strangers = { refuse: async () => undefined, charge: async () => undefined };
  await build("first");
  await withLab({ httpMounts: consoleMounts([], strangers, folder) }, async ({ url }) => {
    // Nobody has asked for anything yet.
    await build("second");
    for (const built of ["second", "third"]) {
      const script = await (await fetch(`${url}/console`)).text();
      assert.equal(script, "/console/assets/second.js", built);
      assert.equal(await (await fetch(url + script)).text(), "second", built);
      assert.equal((await fetch(`${url}/console/assets/${built}.js`)).status, built === "second" ? 200 : 404);
      await build("third");
    }
  });
});
