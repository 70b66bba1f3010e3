/** Signing in to the console: where the key is and where it never is, and which answers of issuers are refused. */
import assert from "node:assert/strict";
import type { IncomingMessage } from "node:http";
import { text } from "node:stream/consumers";
import { after, describe, type TestContext, test } from "node:test";
import { skippedWithoutChromium } from "../support/chromium.ts";
import { enterKey, finish, startConsole } from "../support/console.ts";
import { HandmadeIssuer, issuersFile } from "../support/issuers.ts";
import { ADMIN_KEY } from "../support/service.ts";

const { url, log, users, open, signIn } = await startConsole({ after });
await users.createUser({ userId: "alice" });

describe("a pasted key", () => {
  test("is in memory and nowhere else, and is gone after a reload", async (t) => {
    if (skippedWithoutChromium(t)) return;
    const { tab, complaints } = await open("/users/alice");
    const asked: string[] = [];
    tab.on("request", (request) => asked.push(request.url(), request.headers().referer ?? ""));
    await enterKey(tab, "lk_not_a_key");
    await tab.getByRole("alert").waitFor();
    assert.equal(await tab.getByRole("alert").count(), 1, "one refusal is said once");
    await enterKey(tab, `  ${ADMIN_KEY}\n`);
    await tab.getByText("Active: may sign in.").waitFor();
    const kept = await tab.evaluate(
      `JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie, history.state, location.href,
        document.documentElement.outerHTML, [...document.querySelectorAll("input")].map((each) => each.value)])`,
    );
    for (const place of [kept, asked, complaints, log()]) {
      assert.ok(!JSON.stringify(place).includes(ADMIN_KEY), JSON.stringify(place));
    }
    assert.ok(
      asked.every((each) => each === "" || each.startsWith(url)),
      "nothing comes from elsewhere",
    );
    await tab.reload();
    await tab.getByLabel("API key").waitFor();
    assert.deepEqual(
      complaints.filter((each) => !/401/.test(each)),
      [],
    );
  });

  test("works without encryption as well, with a warning", async (t) => {
    if (skippedWithoutChromium(t)) return;
    // Browsers trust 127.0.0.1 without it, and no other name.
    const { tab } = await open("/users/alice?act=lock", { host: "desk.test" });
    await tab.getByText("This page came without encryption").waitFor();
    await enterKey(tab, ADMIN_KEY);
    await finish(tab.getByRole("dialog"), "Lock");
    await tab.getByText(/^Locked until /).waitFor();
    await users.unlockUser({ userId: "alice" });
  });

  test("a page that cannot be loaded says so, and the others go on", async (t) => {
    if (skippedWithoutChromium(t)) return;
    const { tab } = await signIn("/users");
    await tab.route("**/assets/user-page-*.js", (route) => route.abort());
    await tab.getByRole("link", { name: "alice" }).click();
    await tab.getByText("This page cannot be shown.").waitFor();
    await tab.getByRole("navigation").getByRole("link", { name: "Users" }).click();
    await tab.getByText("1 user", { exact: true }).waitFor();
  });
});

/** An answer of the issuer: what it adds to the redirect, and to the tokens. */
interface Answer {
  readonly query: (asked: URLSearchParams) => readonly (readonly [string, string])[];
  readonly nonce?: (asked: string) => string | undefined;
  /** A sentence; absent: it signs in. */
  readonly refused?: RegExp;
}

/** Makes an issuer answer so. Returns the bodies that its token endpoint was asked with. */
function answerAs(issuer: HandmadeIssuer, { query, nonce = (asked) => asked }: Answer): string[] {
  const exchanged: string[] = [];
  const { listener } = issuer.site;
  let asked = new URLSearchParams();
  const tokens = async (request: IncomingMessage): Promise<object> => {
    exchanged.push(await text(request));
    const claims = { nonce: nonce(asked.get("nonce") ?? "") };
    const token = await issuer.sign();
    return { access_token: token, id_token: await issuer.sign(claims), token_type: "Bearer" };
  };
  issuer.site.listener = (request, response) => {
    response.setHeader("access-control-allow-origin", "*");
    const { pathname, searchParams } = new URL(request.url ?? "", issuer.url);
    if (pathname === "/authorize") {
      asked = searchParams;
      const address = new URL(searchParams.get("redirect_uri") ?? "");
      for (const [name, value] of query(searchParams)) address.searchParams.append(name, value);
      response.writeHead(302, { location: address.href }).end();
    } else if (pathname === "/token") {
      void tokens(request).then((answer) => response.end(JSON.stringify(answer)));
    } else if (pathname === "/keys") {
      listener(request, response);
    } else {
      response.end(
        JSON.stringify({
          issuer: issuer.url,
          jwks_uri: `${issuer.url}/keys`,
          authorization_endpoint: `${issuer.url}/authorize`,
          token_endpoint: `${issuer.url}/token`,
          authorization_response_iss_parameter_supported: true,
        }),
      );
    }
  };
  return exchanged;
}

test("an answer of an issuer that is not quite the one to this sign-in is refused, and no code is spent on it", async (t: TestContext) => {
  if (skippedWithoutChromium(t)) return;
  const issuer = await HandmadeIssuer.open(t);
  const oidcIssuers = await issuersFile(t, [{ issuer: issuer.url, console: { clientId: "console" } }]);
  const service = await startConsole(t, { config: { oidcIssuers } });
  await service.users.createUser({ userId: "a%41" });
  const right = (asked: URLSearchParams): [string, string][] => [
    ["code", "a-code"],
    ["state", asked.get("state") ?? ""],
    ["iss", issuer.url],
  ];
  const cases: readonly Answer[] = [
    { query: (asked) => right(asked).filter(([name]) => name !== "iss"), refused: /names another issuer, or none/ },
    { query: (asked) => [...right(asked).slice(0, 2), ["iss", "https://other.test"]], refused: /names another issuer/ },
    {
      query: (asked) => [["state", "x"], ...right(asked).filter(([name]) => name !== "state")],
      refused: /another sign-in/,
    },
    { query: (asked) => [...right(asked), ["code", "another"]], refused: /says something twice/ },
    {
      query: (asked) => [...right(asked), ["error", "access_denied"]],
      refused: /did not sign you in: access_denied\.$/,
    },
    {
      query: (asked) => [...right(asked), ["error", "x"], ["error_description", "y".repeat(4_000)]],
      refused: /did not sign you in: y{200}…\.$/,
    },
    { query: right, nonce: () => undefined, refused: /its token belongs to another sign-in/ },
    { query: right, nonce: () => "of another", refused: /its token belongs to another sign-in/ },
    { query: right },
  ];
  // As it is in the address: an id whose own percent sign must not be decoded.
  const path = "/users/a%2541?act=lock";
  const { tab } = await service.open(path);
  for (const each of cases) {
    const exchanged = answerAs(issuer, each);
    await tab.getByRole("button", { name: "Sign in with" }).click();
    if (each.refused !== undefined) {
      await tab.getByRole("alert").filter({ hasText: each.refused }).waitFor();
      assert.equal(exchanged.length, each.nonce === undefined ? 0 : 1);
      await tab.waitForURL(`${service.url}/console/`);
      await tab.goto(`${service.url}/console${path}`);
      continue;
    }
    await tab.getByRole("dialog", { name: "Lock a%41" }).waitFor();
    await tab.waitForURL(`${service.url}/console${path}`);
    assert.match(exchanged.join(), /code_verifier=[\w-]{43}(?:&|$)/);
  }
});
