/** Resolves tokens to actors as the service does, with an issuer that signs in the test. */
import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import { parseIssuers } from "../../../src/auth/oidc-config.ts";
import type { Permission } from "../../../src/auth/permissions.ts";
import { Tokens } from "../../../src/auth/tokens.ts";
import { AUDIENCE, HandmadeIssuer } from "../../support/issuers.ts";

export const NOW = Date.UTC(2026, 0, 2, 3, 4, 5);
export const SECOND = 1000;

export class Desk {
  readonly issuer: HandmadeIssuer;
  readonly tokens: Tokens;
  readonly trouble: string[] = [];
  now = NOW;

  private constructor(issuer: HandmadeIssuer, more: object) {
    this.issuer = issuer;
    const usual = { audiences: [AUDIENCE, "api"], rolesClaim: "roles", roles: { support: "operator", boss: "owner" } };
    const text = JSON.stringify({ issuers: [{ issuer: issuer.url, ...usual, scope: "instance", ...more }] });
    const onTrouble = (error: unknown): unknown => this.trouble.push(String(error));
    this.tokens = new Tokens({ issuers: parseIssuers(text), clock: () => this.now, onTrouble });
  }

  static async open(t: TestContext, more: object = {}): Promise<Desk> {
    return new Desk(await HandmadeIssuer.open(t), more);
  }

  /** The actor's id, or why it is refused. */
  async ask(token: string): Promise<string> {
    const result = await this.tokens.authenticate(token);
    return result.ok ? result.actor.id : `${result.refusal.reason}: ${result.refusal.message}`;
  }

  async permissions(claims: object): Promise<ReadonlySet<Permission>> {
    const result = await this.tokens.authenticate(await this.sign(claims));
    assert.ok(result.ok, result.ok ? "" : result.refusal.message);
    return result.actor.permissions;
  }

  sign(claims: object = {}, more: Parameters<HandmadeIssuer["sign"]>[1] = {}): Promise<string> {
    return this.issuer.sign({ ...claims }, { now: NOW, ...more });
  }

  get keyFetches(): number {
    return this.issuer.site.asked.filter((path) => path === "/keys").length;
  }
}
