/** The OpenAPI 3.1 document of services: every REST path and every Connect path, from the descriptors. */
import type { DescMethod, DescService, JsonObject } from "@bufbuild/protobuf";
import { createRouteTable, type RouteMount } from "../transcoding/route-table.ts";
import { ErrorResponses, type Reasons, type RefusalsOf } from "./errors.ts";
import { connectOperation, connectTagOf, isUnary, type OperationParts, restOperation } from "./operations.ts";
import { type Comments, described, Schemas } from "./schemas.ts";

export interface OpenApiOptions extends Pick<OperationParts, "examples"> {
  readonly title: string;
  /** In Markdown. */
  readonly description: string;
  readonly version: string;
  readonly mounts: readonly RouteMount[];
  readonly comments: Comments;
  readonly reasons: Reasons;
  readonly refusalsOf: RefusalsOf;
  /** Awaited before each operation: the whole document takes tens of milliseconds. `undefined`: continue at once. */
  readonly takeTurn: () => Promise<void> | undefined;
}

/** Returns the document. Rejects for a route that OpenAPI cannot express. */
export async function createOpenApi(options: OpenApiOptions): Promise<JsonObject> {
  const { title, description, version, mounts, comments, reasons, refusalsOf, examples, takeTurn } = options;
  await takeTurn();
  const schemas = new Schemas(comments);
  const errors = new ErrorResponses(reasons, refusalsOf);
  const parts: OperationParts = { schemas, errors, examples };
  const paths: Record<string, JsonObject> = {};
  const seen = new Map<DescMethod, number>();
  for (const route of createRouteTable(mounts).routes) {
    await takeTurn();
    const { method, template, httpMethod } = route;
    if (!isUnary(method)) continue;
    const number = (seen.get(method) ?? 0) + 1;
    seen.set(method, number);
    paths[template.text] = {
      ...paths[template.text],
      [httpMethod.toLowerCase()]: restOperation(parts, route, number),
    };
  }
  for (const method of mounts.flatMap((mount) => mount.methods).filter(isUnary)) {
    await takeTurn();
    paths[`/${method.parent.typeName}/${method.name}`] = { post: connectOperation(parts, method) };
  }
  await takeTurn();
  return {
    openapi: "3.1.0",
    info: { title, version, description, license: { name: "Apache-2.0", identifier: "Apache-2.0" } },
    servers: [{ url: "/" }],
    security: [{ bearer: [] }],
    tags: mounts.flatMap(({ service, methods }) => tagsOf(schemas, service, methods)),
    paths,
    components: {
      securitySchemes: {
        bearer: {
          type: "http",
          scheme: "bearer",
          description: "An API key, or an access token of an issuer that the service trusts.",
        },
      },
      schemas: { ...schemas.components, ...errors.schemas },
      examples: errors.examples,
      responses: errors.responses,
    },
  };
}

function tagsOf(schemas: Schemas, service: DescService, methods: readonly DescMethod[]): JsonObject[] {
  const streams = methods.filter((method) => !isUnary(method)).map(({ name }) => name);
  const left = streams.length === 0 ? "" : `Streams, which OpenAPI cannot describe: ${streams.join(", ")}.`;
  const comment = schemas.commentOf(service.typeName);
  const own = { name: service.name, ...described([comment, left].filter(Boolean).join("\n\n")) };
  const first = methods.find(isUnary);
  return first === undefined
    ? [own]
    : [own, { name: connectTagOf(first), description: `\`${service.typeName}\` by the Connect protocol, as JSON.` }];
}
