/** Sets message fields from the query of a request. */
import type { DescField, DescMessage, Message } from "@bufbuild/protobuf";
import { FeatureSet_FieldPresence } from "@bufbuild/protobuf/wkt";
import { badRequest, formatReceived, isRedacted, quote } from "./bad-request.ts";
import { suggest } from "./closest-name.ts";
import { isFieldMask } from "./field-mask.ts";
import {
  type FieldPath,
  findValue,
  hasSubfields,
  namedFields,
  setValue,
  toJsonPath,
  toProtoPath,
} from "./field-path.ts";
import { JSON_DEPTH_MAX } from "./json-message.ts";
import { decodePercent } from "./path-text.ts";
import { describeKind, type Route } from "./route.ts";
import { findTextForm, type TextForm } from "./scalar-text.ts";

/** A field that a parameter names, with what is needed to set it. */
interface QueryTarget {
  readonly path: FieldPath;
  readonly protoPath: string;
  /** Undefined: the field has no text form. */
  readonly form: TextForm | undefined;
}

/** A name without a field: the message that has no such field, and the name. */
interface Unknown {
  readonly desc: DescMessage;
  readonly name: string;
  readonly parents: FieldPath;
}

const forms = new WeakMap<DescField, TextForm | { readonly none: true }>();

/**
 * Sets fields from the query. A parameter is the JSON name or the proto name of a field; dotted paths name nested
 * fields; a repeated field is given by repeating the parameter. `+` is a space. Throws for a field that is given twice,
 * two members of a oneof, maps, repeated messages and messages without a text form. Fields that the path sets are
 * skipped: the path wins. If the body is the whole message, only the field mask of a PATCH may be given (AIP-134).
 */
export function bindQuery(message: Message, route: Route, query: string): void {
  if (route.body.kind === "message" && route.policy.unknownQuery === "ignore") return;
  const seen = new Set<string>();
  for (const pair of query.split("&")) {
    if (pair !== "") {
      const equals = pair.indexOf("=");
      const name = decodeParameter(equals < 0 ? pair : pair.slice(0, equals));
      bindParameter(message, route, name, equals < 0 ? "" : pair.slice(equals + 1), seen);
    }
  }
}

function decodeParameter(raw: string, name?: string): string {
  const text = decodePercent(raw.includes("+") ? raw.replaceAll("+", " ") : raw);
  if (text === undefined) {
    const which = name === undefined ? `the query parameter name ${quote(raw)}` : `the query parameter ${quote(name)}`;
    throw badRequest(name ?? "", `${which} is not valid percent-encoded UTF-8`);
  }
  return text;
}

function bindParameter(message: Message, route: Route, name: string, raw: string, seen: Set<string>): void {
  const found = findTarget(route.method.input, name);
  const target = route.body.kind !== "message" || isMaskOf(route, found) ? found : undefined;
  if (target === undefined || "desc" in target) {
    if (route.policy.unknownQuery === "ignore") return;
    throw badRequest(name, sayUnknown(route, name, target));
  }
  if (route.pathFields.has(target.protoPath)) return;
  if (route.body.kind === "field" && route.body.field === target.path[0]) {
    const field = route.body.field.jsonName;
    throw badRequest(name, `the query parameter ${quote(name)} cannot be given: ${field} is the request body`);
  }
  const { redactValues: isSecret, emptyQuery } = route.policy;
  bindTarget(
    message,
    target,
    { text: decodeParameter(raw, name), isSecret, refusesEmpty: emptyQuery === "refuse" },
    seen,
  );
}

/** An empty page token means the first page (AIP-158), which paging loops rely on. */
const PAGE_TOKEN = "page_token";

/**
 * Returns whether an empty value means that the field is absent: an empty filter would return more than was asked for.
 * Where empty is a value, the rules decide.
 */
function isAbsentWhenEmpty(field: DescField): boolean {
  return (
    field.fieldKind === "scalar" && field.presence === FeatureSet_FieldPresence.IMPLICIT && field.name !== PAGE_TOKEN
  );
}

/** Returns whether the request is an update and the parameter its mask. */
function isMaskOf({ httpMethod }: Route, target: QueryTarget | Unknown): boolean {
  return httpMethod === "PATCH" && "form" in target && target.path.length === 1 && target.path.every(isFieldMask);
}

function sayUnknown({ method, httpMethod }: Route, name: string, unknown: Unknown | undefined): string {
  if (unknown === undefined) {
    const mask = method.input.fields.find(isFieldMask);
    const taken = mask === undefined || httpMethod !== "PATCH" ? "none" : `${mask.jsonName} alone`;
    return `the query parameter ${quote(name)} is unknown; this method takes ${taken}, its fields belong in the body`;
  }
  const prefix = unknown.parents.map((field) => `${field.jsonName}.`).join("");
  const known = unknown.desc.fields.map((field) => field.jsonName);
  const hint = suggest(unknown.name, known).replace("did you mean ", `did you mean ${prefix}`);
  return `the query parameter ${quote(name)} is unknown${hint}`;
}

/** The value of a parameter, and the mount's rules for it. */
interface Given {
  readonly text: string;
  readonly isSecret: boolean;
  readonly refusesEmpty: boolean;
}

function bindTarget(
  message: Message,
  target: QueryTarget,
  { text, isSecret, refusesEmpty }: Given,
  seen: Set<string>,
): void {
  const { path, form } = target;
  const name = toJsonPath(path);
  const last = path.at(-1) as DescField;
  if (form === undefined) {
    const hint = hasSubfields(last)
      ? `; name one of its fields, such as ${name}.${last.message.fields[0]?.jsonName}`
      : "";
    throw badRequest(name, `the query parameter ${name} is ${describeKind(last)}, which a query cannot set${hint}`);
  }
  if (last.fieldKind !== "list") {
    if (seen.has(target.protoPath)) {
      throw badRequest(name, `the query parameter ${name} is given twice; it takes one value`);
    }
    seen.add(target.protoPath);
  }
  const value = form.read(text);
  if (value === undefined) {
    const received = formatReceived(text, isSecret || path.some(isRedacted));
    throw badRequest(name, `the query parameter ${name} must be ${form.expected}; received ${received}`);
  }
  if (refusesEmpty && text === "" && isAbsentWhenEmpty(last)) {
    throw badRequest(name, `the query parameter ${name} is empty; give a value, or leave it out`);
  }
  if (isFieldMask(last) && findValue(message, path) !== undefined) {
    throw badRequest(name, `${name} is given twice, in the query and in the body; give it once`);
  }
  const conflict = setValue(message, path, value);
  if (conflict !== undefined) {
    throw badRequest(
      name,
      `only one of the members of ${conflict.oneof} may be given; received ${conflict.present} and ${name}`,
    );
  }
}

/** Finds the field of a dotted name. Every step is a look-up in a map made from the descriptor. */
function findTarget(input: DescMessage, name: string): QueryTarget | Unknown {
  const direct = namedFields(input).get(name);
  if (direct !== undefined) return { path: [direct], protoPath: direct.name, form: formOf(direct) };
  const path: DescField[] = [];
  let desc = input;
  for (const step of name.split(".", JSON_DEPTH_MAX + 1)) {
    const last = path.at(-1);
    if (last !== undefined) {
      if (!hasSubfields(last) || path.length === JSON_DEPTH_MAX) {
        return { desc, name: last.name, parents: path.slice(0, -1) };
      }
      desc = last.message;
    }
    const field = namedFields(desc).get(step);
    if (field === undefined) return { desc, name: step, parents: path };
    path.push(field);
  }
  return { path, protoPath: toProtoPath(path), form: formOf(path.at(-1) as DescField) };
}

function formOf(field: DescField): TextForm | undefined {
  let form = forms.get(field);
  if (form === undefined) {
    form = (field.fieldKind === "list" && field.listKind === "message" ? undefined : findTextForm(field)) ?? {
      none: true,
    };
    forms.set(field, form);
  }
  return "none" in form ? undefined : form;
}
