/** ListOrganizations and ListApiKeys: in the order of their ids. */
import type { ApiKey } from "../../domain/api-key.ts";
import type { Json } from "../../domain/canonical-json.ts";
import type { Organization } from "../../domain/organization.ts";
import type { Page } from "../queries.ts";
import { toApiKey, toOrganization } from "../rows/rows.ts";
import { type Asked, parsePageToken } from "../search/page-token.ts";
import type { ListEngine } from "./list-queries.ts";
import type { ApiKeyQuery, IdQuery } from "./list-reader.ts";
import { toPage } from "./page-walk.ts";

export function listOrganizations(engine: ListEngine, query: IdQuery): Promise<Page<Organization>> {
  const asked = askedOf(engine, ["organizations"]);
  const after = afterOf(query, asked);
  return engine.snapshot(async (queries) => {
    const select = queries.build.selectFrom("organizations").selectAll().where("id", ">", after).orderBy("id");
    const rows = await queries.all(select.limit(query.pageSize + 1).compile());
    return pageOf(rows.map(toOrganization), query, asked);
  });
}

export function listApiKeys(engine: ListEngine, query: ApiKeyQuery): Promise<Page<ApiKey>> {
  const asked = askedOf(engine, ["apiKeys", query.organizationId]);
  const after = afterOf(query, asked);
  return engine.snapshot(async (queries) => {
    let select = queries.build.selectFrom("api_keys").selectAll().where("id", ">", after);
    if (query.organizationId !== null) select = select.where("organization_id", "=", query.organizationId);
    const ordered = select.orderBy("id").limit(query.pageSize + 1);
    return pageOf((await queries.all(ordered.compile())).map(toApiKey), query, asked);
  });
}

function askedOf({ seal }: ListEngine, asked: Json): Asked {
  return { seal, asked, shape: ["id"] };
}

/** Returns the id to continue after. Every id comes after the empty one. */
function afterOf(query: IdQuery, asked: Asked): string {
  return String(parsePageToken(asked, query.after)?.[0] ?? "");
}

function pageOf<T extends { readonly id: string }>(found: readonly T[], { pageSize }: IdQuery, asked: Asked): Page<T> {
  const items = found.slice(0, pageSize);
  const last = items.at(-1);
  return toPage(asked, found.length > items.length && last !== undefined ? { items, next: [last.id] } : { items });
}
