/** Sends the operations of an OpenAPI document as its reader would: from the document alone. */
import assert from "node:assert/strict";
import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import { Ajv2020 } from "ajv/dist/2020.js";

export interface Operation {
  readonly operationId: string;
  readonly path: string;
  readonly method: string;
  readonly tag: string;
  readonly object: JsonObject;
  /** The JSON pointer of the operation in the document. */
  readonly pointer: string;
}

export interface Sent {
  readonly status: number;
  readonly body: JsonValue;
}

export async function readDocument(url: string): Promise<JsonObject> {
  const answer = await fetch(`${url}/openapi.json`);
  assert.equal(answer.status, 200);
  return (await answer.json()) as JsonObject;
}

export function at(value: JsonValue | undefined, ...steps: readonly string[]): JsonValue | undefined {
  return steps.reduce<JsonValue | undefined>((each, step) => (each as JsonObject | undefined)?.[step], value);
}

export function operationsOf(document: JsonObject): readonly Operation[] {
  return Object.entries(document.paths as Record<string, JsonObject>).flatMap(([path, item]) =>
    Object.entries(item as Record<string, JsonObject>).map(([method, object]) => ({
      operationId: object.operationId as string,
      path,
      method: method.toUpperCase(),
      tag: at(object, "tags", "0") as string,
      object,
      pointer: `/paths/${path.replaceAll("~", "~0").replaceAll("/", "~1")}/${method}`,
    })),
  );
}

export function isConnect({ tag }: Operation): boolean {
  return tag.endsWith(" (Connect)");
}

/** The JSON body that the document shows; absent: it shows none. */
export function exampleBody({ object }: Operation): JsonObject | undefined {
  return at(object, "requestBody", "content", "application/json", "example") as JsonObject | undefined;
}

/** The refusals that the document shows for this status, by reason. */
export function refusalsIn(document: JsonObject, { object }: Operation, status: number): Readonly<JsonObject> {
  const follow = (value: JsonValue | undefined): JsonValue | undefined => {
    const reference = at(value, "$ref");
    return reference === undefined ? value : at(document, ...String(reference).split("/").slice(1));
  };
  const response = follow(at(object, "responses", `${status}`));
  const examples = (at(response, "content", "application/json", "examples") ?? {}) as JsonObject;
  return Object.fromEntries(
    Object.entries(examples).map(([reason, each]) => [reason, at(follow(each), "value") ?? null]),
  );
}

/** Sends the operation's example. `made`: ids that the service made, which replace those of the document. */
export async function send(
  url: string,
  operation: Operation,
  { key, made = {}, body = exampleBody(operation) }: SendOptions,
): Promise<Sent> {
  const real = (value: JsonValue): string => made[String(value)] ?? String(value);
  const query = new URLSearchParams();
  let path = operation.path;
  for (const { in: place, name, example } of (operation.object.parameters ?? []) as unknown as Parameter[]) {
    if (example === undefined) continue;
    if (place === "path") path = path.replace(`{${name}}`, encodeURIComponent(real(example)));
    else for (const value of [example].flat()) query.append(name, real(value));
  }
  const text = JSON.stringify(body, (_, value: JsonValue) => (typeof value === "string" ? real(value) : value));
  const answer = await fetch(`${url}${path}${query.size === 0 ? "" : `?${query}`}`, {
    method: operation.method,
    headers: {
      ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
      ...(body === undefined ? {} : { "content-type": "application/json" }),
    },
    ...(body === undefined ? {} : { body: text }),
  });
  return { status: answer.status, body: (await answer.json()) as JsonValue };
}

interface SendOptions {
  readonly key?: string;
  readonly made?: Readonly<Record<string, string>>;
  readonly body?: JsonObject | undefined;
}

interface Parameter {
  readonly in: string;
  readonly name: string;
  readonly example?: JsonValue;
}

/** Returns the faults of a value by the schema at a JSON pointer of the document; empty: none. */
export type FindFaults = (pointer: string, value: JsonValue) => readonly string[];

export function schemaChecker(document: JsonObject): FindFaults {
  const ajv = new Ajv2020({ strict: false, validateFormats: false, allErrors: true });
  ajv.addSchema(document, "document");
  return (pointer, value) => {
    const $ref = `document#${pointer.split("/").map(encodeURIComponent).join("/")}`;
    const check = ajv.getSchema($ref) ?? ajv.compile({ $ref });
    check(value);
    return (check.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message}`);
  };
}
