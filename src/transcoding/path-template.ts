/** Parses the path templates of google.api.http rules into segments, variables and a verb. */

/*
 * Template  = "/" | "/" Segments [ Verb ]
 * Segments  = Segment { "/" Segment }
 * Segment   = "*" | "**" | LITERAL | Variable
 * Variable  = "{" FieldPath [ "=" Segments ] "}"        a variable holds no variable; {v} means {v=*}
 * FieldPath = IDENT { "." IDENT }                       IDENT = [A-Za-z_][A-Za-z0-9_]*
 * Verb      = ":" LITERAL
 *
 * "*" stands for exactly one segment of at least one character, "**" for zero or more segments; "**" is the last
 * segment of the path. A LITERAL is one or more characters other than / { } * : ? #, plain or percent-encoded: both are
 * kept decoded and are compared with the decoded segment of the request. "/" alone is accepted beyond the grammar of
 * google.api.http (as grpc-gateway and Envoy do) and stands for the empty path.
 */

/** A segment of a template; `rest` is `**`. */
export type TemplateSegment =
  | { readonly kind: "literal"; readonly text: string }
  | { readonly kind: "any" }
  | { readonly kind: "rest" };

/** A variable covers the segments from `start` to before `end`; with `rest`, all from `start` on. */
export interface TemplateVariable {
  readonly fieldPath: readonly string[];
  readonly start: number;
  readonly end: number;
  readonly rest: boolean;
}

/** A parsed template. */
export interface PathTemplate {
  readonly text: string;
  readonly segments: readonly TemplateSegment[];
  readonly variables: readonly TemplateVariable[];
  /** Empty for none. */
  readonly verb: string;
}

interface Parse {
  readonly text: string;
  at: number;
  readonly segments: TemplateSegment[];
  readonly variables: TemplateVariable[];
}

const LITERAL = /[^/{}*:?#\p{Cc}]+/uy;
const IDENT = /[A-Za-z_][A-Za-z0-9_]*/y;

/** Parses a template. Throws an Error that names the faulty column, counted from 1. */
export function parsePathTemplate(text: string): PathTemplate {
  const parse: Parse = { text, at: 0, segments: [], variables: [] };
  if (text[0] !== "/") throw fail(parse, 'a template begins with "/"');
  parse.at = 1;
  if (text.length === 1) return { text, segments: [], variables: [], verb: "" };
  parseSegments(parse, false);
  const verb = parseVerb(parse);
  if (parse.at < text.length) throw fail(parse, `unexpected ${JSON.stringify(text[parse.at])}`);
  return { text, segments: parse.segments, variables: parse.variables, verb };
}

function parseSegments(parse: Parse, insideVariable: boolean): void {
  parseSegment(parse, insideVariable);
  while (parse.text[parse.at] === "/") {
    parse.at++;
    parseSegment(parse, insideVariable);
  }
}

function parseSegment(parse: Parse, insideVariable: boolean): void {
  if (parse.segments.at(-1)?.kind === "rest") throw fail(parse, 'nothing but a verb may follow "**"');
  const next = parse.text[parse.at];
  if (next === "{") {
    if (insideVariable) throw fail(parse, "a variable must not contain a variable");
    parseVariable(parse);
  } else if (next === "*") {
    parseWildcard(parse);
  } else {
    parse.segments.push({ kind: "literal", text: parseLiteral(parse, "a segment") });
  }
  if (/[{*]/.test(parse.text[parse.at] ?? "")) {
    throw fail(parse, `${JSON.stringify(parse.text[parse.at])} must begin a segment`);
  }
}

function parseWildcard(parse: Parse): void {
  const rest = parse.text[parse.at + 1] === "*";
  parse.segments.push({ kind: rest ? "rest" : "any" });
  parse.at += rest ? 2 : 1;
  if (!/^([/}:]|$)/.test(parse.text.slice(parse.at, parse.at + 1))) {
    throw fail(parse, 'a wildcard is "*" or "**" and stands alone in its segment');
  }
}

function parseVariable(parse: Parse): void {
  parse.at++;
  const fieldPath = [parseIdentifier(parse)];
  while (parse.text[parse.at] === ".") {
    parse.at++;
    fieldPath.push(parseIdentifier(parse));
  }
  const start = parse.segments.length;
  if (parse.text[parse.at] === "=") {
    parse.at++;
    parseSegments(parse, true);
  } else {
    parse.segments.push({ kind: "any" });
  }
  if (parse.text[parse.at] !== "}") throw fail(parse, `expected "}" to close the variable ${fieldPath.join(".")}`);
  parse.at++;
  if (!/^([/:]|$)/.test(parse.text.slice(parse.at, parse.at + 1))) {
    throw fail(parse, "a variable must fill its segments completely");
  }
  const end = parse.segments.length;
  parse.variables.push({ fieldPath, start, end, rest: parse.segments[end - 1]?.kind === "rest" });
}

function parseIdentifier(parse: Parse): string {
  IDENT.lastIndex = parse.at;
  const found = IDENT.exec(parse.text);
  if (found === null) throw fail(parse, "expected a field name ([A-Za-z_][A-Za-z0-9_]*)");
  parse.at += found[0].length;
  return found[0];
}

function parseLiteral(parse: Parse, what: string): string {
  LITERAL.lastIndex = parse.at;
  const found = LITERAL.exec(parse.text)?.[0];
  if (found === undefined) throw fail(parse, `${what} must not be empty`);
  try {
    const text = decodeURIComponent(found);
    parse.at += found.length;
    return text;
  } catch {
    throw fail(parse, `${JSON.stringify(found)} is not valid percent-encoded UTF-8`);
  }
}

function parseVerb(parse: Parse): string {
  if (parse.text[parse.at] !== ":") return "";
  parse.at++;
  return parseLiteral(parse, "a verb");
}

function fail(parse: Parse, reason: string): Error {
  return new Error(`path template ${JSON.stringify(parse.text)}, column ${parse.at + 1}: ${reason}`);
}
