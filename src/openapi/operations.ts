/** One operation of the document: a REST route or the Connect path of a method. */
import type { DescField, DescMethod, JsonObject, JsonValue } from "@bufbuild/protobuf";
import { isFieldMask } from "../transcoding/field-mask.ts";
import { type FieldPath, hasSubfields, toJsonPath, toProtoPath } from "../transcoding/field-path.ts";
import type { Route } from "../transcoding/route.ts";
import { findTextForm } from "../transcoding/scalar-text.ts";
import type { ErrorResponses } from "./errors.ts";
import { isRequired } from "./rules.ts";
import { described, type Schemas } from "./schemas.ts";

/** Successful requests as JSON, by the RPC's full name (`package.Service/Method`). */
export type Examples = Readonly<Record<string, JsonObject>>;

export interface OperationParts {
  readonly schemas: Schemas;
  readonly errors: ErrorResponses;
  readonly examples: Examples;
}

/** The HTTP methods that OpenAPI has. */
const HTTP_METHODS: readonly string[] = ["GET", "PUT", "POST", "DELETE", "OPTIONS", "HEAD", "PATCH", "TRACE"];

const ANY_BYTES: JsonObject = { "*/*": { schema: {} } };

/** Returns `package.Service/Method`. */
export function rpcNameOf(method: DescMethod): string {
  return `${method.parent.typeName}/${method.name}`;
}

/** Returns whether one request gets one response message; OpenAPI cannot describe streams. */
export function isUnary({ methodKind }: DescMethod): boolean {
  return methodKind === "unary";
}

/**
 * Returns the operation of a route. Throws for a path that OpenAPI's templates cannot express. `number`: which of the
 * method's routes it is, from 1.
 */
export function restOperation(parts: OperationParts, route: Route, number: number): JsonObject {
  const { method, template, httpMethod } = route;
  if (!HTTP_METHODS.includes(httpMethod) || /[*=]/.test(template.text)) {
    throw new Error(`openapi: ${route.label} is a path that OpenAPI cannot express`);
  }
  const { schemas, examples } = parts;
  const example = examples[rpcNameOf(method)];
  const rest = method.input.fields.filter(({ name }) => !route.pathFields.has(name));
  const inQuery = rest.filter(
    (field) =>
      route.body.kind === "none" ||
      (route.body.kind === "field" && route.body.field !== field) ||
      (httpMethod === "PATCH" && isFieldMask(field)),
  );
  const parameters = [
    ...route.path.map(({ path, variable }) => ({
      ...parameter(schemas, path.at(-1) as DescField, variable.fieldPath.join("."), exampleAt(example, path)),
      in: "path",
      required: true,
    })),
    // Fields that the example has in the body are not repeated in the query.
    ...inQuery.flatMap((field) =>
      queryParameters(route.body.kind === "message" ? { ...parts, examples: {} } : parts, route, [field]),
    ),
  ];
  return {
    ...headOf(parts, method, number === 1 ? "" : `_${number}`),
    tags: [method.parent.name],
    ...(parameters.length === 0 ? {} : { parameters }),
    ...restBody(schemas, route, rest, example),
    responses: {
      [route.policy.successStatuses[method.localName] ?? 200]: {
        description: schemas.commentOf(method.output.typeName) || "The call succeeded.",
        content: restAnswer(schemas, route),
      },
      ...parts.errors.of(method, "rest"),
    },
  };
}

export function connectOperation(parts: OperationParts, method: DescMethod): JsonObject {
  const { schemas, examples } = parts;
  const example = examples[rpcNameOf(method)];
  return {
    ...headOf(parts, method, "_Connect"),
    tags: [connectTagOf(method)],
    requestBody: { required: true, content: jsonContent(closed(schemas, method), example) },
    responses: {
      200: {
        description: schemas.commentOf(method.output.typeName) || "The call succeeded.",
        content: jsonContent(schemas.message(method.output)),
      },
      ...parts.errors.of(method, "connect"),
    },
  };
}

export function connectTagOf(method: DescMethod): string {
  return `${method.parent.name} (Connect)`;
}

function headOf({ schemas }: OperationParts, method: DescMethod, ending: string): JsonObject {
  const comment = schemas.commentOf(`${method.parent.typeName}.${method.name}`);
  const [sentence = ""] = /^[\s\S]*?[.](?=\s|$)/.exec(comment) ?? [];
  return {
    operationId: `${method.parent.name}_${method.name}${ending}`,
    ...(sentence === "" ? {} : { summary: sentence }),
    ...described(comment),
  };
}

/** The whole request: unknown members are refused. */
function closed(schemas: Schemas, { input }: DescMethod): JsonObject {
  return { ...schemas.object(input, input.fields), additionalProperties: false };
}

function restBody(
  schemas: Schemas,
  { body }: Route,
  rest: readonly DescField[],
  example: JsonObject | undefined,
): JsonObject {
  if (body.kind === "none") return {};
  if (body.raw) return { requestBody: { required: true, content: ANY_BYTES } };
  if (body.kind === "field") {
    const content = jsonContent(schemas.field(body.field), example?.[body.field.jsonName]);
    return { requestBody: { required: isRequired(body.field), content } };
  }
  const [first] = rest;
  const schema = first === undefined ? { type: "object" } : schemas.object(first.parent, rest);
  const own = rest.flatMap(({ jsonName }) =>
    example?.[jsonName] === undefined ? [] : [[jsonName, example[jsonName]]],
  );
  const content = jsonContent(
    { ...schema, additionalProperties: false },
    example === undefined ? undefined : (Object.fromEntries(own) as JsonObject),
  );
  return { requestBody: { required: "required" in schema, content } };
}

function restAnswer(schemas: Schemas, { method, responseField, rawResponse }: Route): JsonObject {
  if (rawResponse) return ANY_BYTES;
  return jsonContent(responseField === undefined ? schemas.message(method.output) : schemas.field(responseField));
}

function jsonContent(schema: JsonObject, example?: JsonValue): JsonObject {
  return { "application/json": { schema, ...(example === undefined ? {} : { example }) } };
}

/** Returns the parameters of a field: itself, or its subfields by dotted names; none for what a query cannot set. */
function queryParameters(parts: OperationParts, route: Route, path: FieldPath): readonly JsonObject[] {
  if (route.pathFields.has(toProtoPath(path))) return [];
  const field = path.at(-1) as DescField;
  if (hasSubfields(field)) {
    const parents = path.map(({ message }) => message);
    // A message that contains itself would never end.
    const fields = field.message.fields.filter(({ message }) => message === undefined || !parents.includes(message));
    return fields.flatMap((each) => queryParameters(parts, route, [...path, each]));
  }
  const isText = !(field.fieldKind === "list" && field.listKind === "message") && findTextForm(field) !== undefined;
  if (!isText) return [];
  const example = exampleAt(parts.examples[rpcNameOf(route.method)], path);
  const required = path.every(isRequired);
  return [{ ...parameter(parts.schemas, field, toJsonPath(path), example), in: "query", required }];
}

function parameter(schemas: Schemas, field: DescField, name: string, example: JsonValue | undefined): JsonObject {
  const { description, ...schema } = schemas.field(field);
  return {
    name,
    ...(description === undefined ? {} : { description }),
    schema,
    ...(example === undefined ? {} : { example }),
  };
}

function exampleAt(example: JsonObject | undefined, path: FieldPath): JsonValue | undefined {
  return path.reduce<JsonValue | undefined>(
    (value, { jsonName }) =>
      typeof value === "object" && value !== null && !Array.isArray(value) ? value[jsonName] : undefined,
    example,
  );
}
