/** Turns one binding of a google.api.http rule into a route: everything is looked up and checked once, at the start. */
import type { DescField, DescMessage, DescMethod } from "@bufbuild/protobuf";
import type { HttpRule } from "../../gen/google/api/http_pb.ts";
import { HttpBodySchema } from "../../gen/google/api/httpbody_pb.ts";
import { isRedacted } from "./bad-request.ts";
import { type FieldPath, hasSubfields, toJsonPath, toProtoPath } from "./field-path.ts";
import { type PathTemplate, parsePathTemplate, type TemplateVariable } from "./path-template.ts";
import type { RestPolicy } from "./policy.ts";
import { findTextForm, type TextForm } from "./scalar-text.ts";

/** A path variable and the field that it sets. */
export type PathBinding = TextForm & {
  readonly variable: TemplateVariable;
  readonly path: FieldPath;
  /** The name of the field in JSON, for error sentences. */
  readonly name: string;
  /** Whether the body may also set the field. */
  readonly inBody: boolean;
  readonly redacted: boolean;
};

/** Where the request's body goes: nowhere, into the whole message, or into one field. */
export type BodyBinding =
  | { readonly kind: "none" }
  | { readonly kind: "message"; readonly raw: boolean }
  | { readonly kind: "field"; readonly field: DescField; readonly raw: boolean };

/** A route: one binding of a rule. */
export interface Route {
  readonly method: DescMethod;
  readonly policy: RestPolicy;
  /** The HTTP method, or `*` for any. */
  readonly httpMethod: string;
  /** The template with the mount's prefix. */
  readonly template: PathTemplate;
  /** The binding: the rule itself or one of its additional bindings. */
  readonly rule: HttpRule;
  /** Names the route in errors: `pkg.Service.Method (POST /v1/users)`. */
  readonly label: string;
  readonly path: readonly PathBinding[];
  /** The proto paths of the fields that the path sets: query parameters for them are ignored. */
  readonly pathFields: ReadonlySet<string>;
  readonly body: BodyBinding;
  /** The field of the response that is the body of the answer; undefined: the whole message. */
  readonly responseField: DescField | undefined;
  /** Whether the body of the answer is a google.api.HttpBody, sent as it is. */
  readonly rawResponse: boolean;
}

const HTTP_METHOD = /^(?:[A-Za-z!#$%&'+.^_`|~-]+|\*)$/;

/** Creates a route. Throws an Error that names the rule and why it cannot be served. */
export function createRoute(method: DescMethod, rule: HttpRule, policy: RestPolicy): Route {
  const [httpMethod, text] = readPattern(rule);
  const label = `${method.parent.typeName}.${method.name} (${httpMethod} ${text})`;
  try {
    if (rule.pattern.case === undefined) throw new Error("the rule names neither HTTP method nor path");
    if (!HTTP_METHOD.test(httpMethod)) throw new Error(`${JSON.stringify(httpMethod)} is not an HTTP method`);
    const template = parsePathTemplate(
      text === "/" && policy.pathPrefix !== "" ? policy.pathPrefix : policy.pathPrefix + text,
    );
    const body = toBodyBinding(method, rule, httpMethod);
    const path = template.variables.map((variable) => toPathBinding(method.input, variable, body));
    assertDisjoint(path);
    const responseField = findResponseField(method.output, rule.responseBody);
    const response = responseField === undefined ? method.output : responseField.message;
    return {
      method,
      policy,
      httpMethod,
      template,
      rule,
      label,
      path,
      pathFields: new Set(path.map((binding) => toProtoPath(binding.path))),
      body,
      responseField,
      rawResponse: responseField?.fieldKind !== "list" && isHttpBody(response),
    };
  } catch (error) {
    throw new Error(`${label}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function readPattern(rule: HttpRule): readonly [httpMethod: string, path: string] {
  const pattern = rule.pattern;
  if (pattern.case === undefined) return ["?", ""];
  return pattern.case === "custom"
    ? [pattern.value.kind, pattern.value.path]
    : [pattern.case.toUpperCase(), pattern.value];
}

function toPathBinding(input: DescMessage, variable: TemplateVariable, body: BodyBinding): PathBinding {
  const path: DescField[] = [];
  let desc: DescMessage | undefined = input;
  for (const name of variable.fieldPath) {
    if (desc === undefined) {
      throw new Error(`path variable ${variable.fieldPath.join(".")}: ${path.at(-1)} has no fields to name`);
    }
    const field: DescField | undefined = desc.fields.find((candidate) => candidate.name === name);
    if (field === undefined) {
      throw new Error(`path variable ${variable.fieldPath.join(".")}: ${desc.typeName} has no field ${name}`);
    }
    path.push(field);
    desc = hasSubfields(field) ? field.message : undefined;
  }
  const last = path.at(-1) as DescField;
  const form = last.fieldKind === "list" ? undefined : findTextForm(last);
  if (form === undefined) {
    throw new Error(`path variable ${variable.fieldPath.join(".")}: a path cannot set ${describeKind(last)}`);
  }
  if (body.kind === "field" && body.field === last) {
    throw new Error(`path variable ${variable.fieldPath.join(".")}: the field is also the body`);
  }
  return {
    ...form,
    variable,
    path,
    name: toJsonPath(path),
    inBody: body.kind === "message" || (body.kind === "field" && body.field === path[0]),
    redacted: path.some(isRedacted),
  };
}

/** Describes the kind of a field, for errors. */
export function describeKind(field: DescField): string {
  switch (field.fieldKind) {
    case "list":
      return field.listKind === "message" ? "a repeated message" : "a repeated field";
    case "map":
      return "a map";
    case "message":
      return `a message (${field.message.typeName})`;
    default:
      return `a field of kind ${field.fieldKind}`;
  }
}

function assertDisjoint(path: readonly PathBinding[]): void {
  for (const [i, binding] of path.entries()) {
    for (const other of path.slice(0, i)) {
      if (other.name === binding.name) throw new Error(`two path variables set ${binding.name}`);
      if (sharesOneof(binding.path, other.path)) {
        throw new Error(`path variables ${other.name} and ${binding.name} set two members of one oneof`);
      }
    }
  }
}

/** Returns whether the paths diverge at two members of one oneof. */
function sharesOneof(a: FieldPath, b: FieldPath): boolean {
  const parting = a.findIndex((field, i) => field !== b[i]);
  return a[parting]?.oneof !== undefined && a[parting]?.oneof === b[parting]?.oneof;
}

function toBodyBinding(method: DescMethod, rule: HttpRule, httpMethod: string): BodyBinding {
  if (rule.body === "") return { kind: "none" };
  if (httpMethod === "GET" || httpMethod === "HEAD") throw new Error(`a ${httpMethod} rule has no body`);
  if (rule.body === "*") return { kind: "message", raw: isHttpBody(method.input) };
  const field = method.input.fields.find((candidate) => candidate.name === rule.body);
  if (field === undefined) {
    throw new Error(`body ${JSON.stringify(rule.body)} is not a top-level field of ${method.input.typeName}`);
  }
  return { kind: "field", field, raw: field.fieldKind === "message" && isHttpBody(field.message) };
}

function findResponseField(output: DescMessage, name: string): DescField | undefined {
  if (name === "") return undefined;
  const field = output.fields.find((candidate) => candidate.name === name);
  if (field === undefined) {
    throw new Error(`response_body ${JSON.stringify(name)} is not a top-level field of ${output.typeName}`);
  }
  return field;
}

function isHttpBody(desc: DescMessage | undefined): boolean {
  return desc?.typeName === HttpBodySchema.typeName;
}
