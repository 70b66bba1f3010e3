/** Signing in to the console at an OIDC issuer: a real provider, a real browser, and what the page refuses. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { skippedWithoutChromium } from "../support/chromium.ts";
import { finish, startConsole } from "../support/console.ts";
import { AUDIENCE, issuersFile, RealIssuer } from "../support/issuers.ts";

test("staff sign in at their issuer, act under their own name, and come back to the page they asked for", async (t) => {
  if (skippedWithoutChromium(t)) return;
  const issuer = await RealIssuer.open(t);
  const console = { clientId: "console", scopes: ["openid", "support"], resource: AUDIENCE };
  const oidcIssuers = await issuersFile(t, [{ issuer: issuer.url, rolesClaim: "scope", console }]);
  const { url, users, open } = await startConsole(t, { config: { oidcIssuers } });
  await users.createUser({ userId: "alice" });
  issuer.serveConsole(url);
  const { tab, complaints } = await open("/users/alice");
  await tab.getByRole("button", { name: `Sign in with ${new URL(issuer.url).host}` }).click();
  await tab.getByPlaceholder("Enter any login").fill("ann");
  await tab.getByPlaceholder("and password").fill("any");
  await tab.getByRole("button", { name: "Sign-in" }).click();
  await tab.getByRole("button", { name: "Continue" }).click();
  await tab.getByText("Active: may sign in.").waitFor();
  await tab.waitForURL(`${url}/console/users/alice`);
  // What the pages of the provider complain of is its own.
  const others = complaints.length;
  assert.equal(
    await tab.evaluate("sessionStorage.length + JSON.stringify(localStorage)"),
    '0{"lockkeeper-theme":"system"}',
  );
  await tab.getByRole("button", { name: "Lock", exact: true }).click();
  await finish(tab.getByRole("dialog"), "Lock");
  await tab.getByText(/^Locked until .* by oidc:/).waitFor();
  assert.deepEqual(complaints.slice(others), []);
  // The credential is in memory alone.
  await tab.reload();
  await tab.getByLabel("API key").waitFor();
  // An answer to a sign-in that this tab did not begin.
  await tab.goto(`${url}/console/callback?code=x&state=y`);
  await tab.getByText("this tab did not begin a sign-in").waitFor();
  await tab.waitForURL(`${url}/console/`);
});
