/** Finds the route of a request: literal before `*` before `**`, whatever the order in which routes were added. */
import { type DescMethod, type DescService, getOption, hasOption } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { http } from "../../gen/google/api/annotations_pb.ts";
import { parsePathTemplate } from "./path-template.ts";
import { decodeCapture, decodePercent, findTargetProblem, parseTarget } from "./path-text.ts";
import type { RestPolicy } from "./policy.ts";
import { createRoute, type Route } from "./route.ts";

/** A service to route to. */
export interface RouteMount {
  readonly service: DescService;
  /** The served methods; a method without an http rule has no path. */
  readonly methods: readonly DescMethod[];
  readonly policy: RestPolicy;
}

/** A request that matches a route. */
export interface RouteMatch {
  readonly kind: "match";
  readonly route: Route;
  /** The decoded captures, one for each variable of the template, in its order. */
  readonly captures: readonly string[];
  /** The raw query; empty for none. */
  readonly query: string;
  /** Whether the method is HEAD: the answer has the headers of the call and no body. */
  readonly headOnly: boolean;
}

/** The result of a look-up. */
export type RouteAnswer =
  | RouteMatch
  | { readonly kind: "method_not_allowed"; readonly allow: readonly string[]; readonly policy: RestPolicy }
  | { readonly kind: "not_found"; readonly policy: RestPolicy | undefined }
  | { readonly kind: "malformed"; readonly error: ConnectError; readonly policy: RestPolicy | undefined };

/** All routes of a transport. */
export interface RouteTable {
  readonly routes: readonly Route[];
  /** Finds the route of a request. `target`: the request target as it was sent (`req.url`). Never throws. */
  match(httpMethod: string, target: string): RouteAnswer;
}

/** Routes by verb (empty for none), then by HTTP method. */
type Ends = Map<string, Map<string, Route>>;

interface TrieNode {
  readonly literals: Map<string, TrieNode>;
  any: TrieNode | undefined;
  /** Templates that end here. */
  readonly ends: Ends;
  /** Templates that end here with `**`. */
  readonly rest: Ends;
}

interface Search {
  /** The raw segments; the last one without the verb. */
  readonly segments: readonly string[];
  /** The decoded segments, with which literals are compared. */
  readonly texts: readonly string[];
  readonly verb: string;
  readonly httpMethod: string;
}

/** Creates the table. Throws one Error that names every rule that cannot be served and every ambiguous pair. */
export function createRouteTable(mounts: readonly RouteMount[]): RouteTable {
  const problems: string[] = [];
  const routes: Route[] = [];
  for (const mount of mounts) {
    const prefixProblem = findPrefixProblem(mount.policy.pathPrefix);
    if (prefixProblem !== undefined) {
      problems.push(`${mount.service.typeName}: ${prefixProblem}`);
      continue;
    }
    for (const method of mount.methods) routes.push(...createRoutes(method, mount.policy, problems));
  }
  const root = createNode();
  for (const route of routes) addRoute(root, route, problems);
  if (problems.length > 0) throw new Error(`google.api.http rules cannot be served:\n  ${problems.join("\n  ")}`);
  const verbs = new Set(routes.map((route) => route.template.verb));
  const owners = findOwners(mounts);
  return { routes, match: (httpMethod, target) => match(root, verbs, owners, httpMethod, target) };
}

function findPrefixProblem(prefix: string): string | undefined {
  if (prefix === "") return undefined;
  try {
    const template = parsePathTemplate(prefix);
    const plain = template.verb === "" && template.segments.every((segment) => segment.kind === "literal");
    return plain && template.segments.length > 0
      ? undefined
      : `the path prefix ${JSON.stringify(prefix)} must be literal segments such as /management/v1`;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** Returns the routes of a method's rule and its additional bindings. Adds what cannot be served to the problems. */
function createRoutes(method: DescMethod, policy: RestPolicy, problems: string[]): Route[] {
  if (!hasOption(method, http)) return [];
  const rule = getOption(method, http);
  const name = `${method.parent.typeName}.${method.name}`;
  if (method.methodKind === "client_streaming" || method.methodKind === "bidi_streaming") {
    problems.push(`${name}: a method that takes a stream cannot be bound to an HTTP path`);
    return [];
  }
  const routes: Route[] = [];
  for (const binding of [rule, ...rule.additionalBindings]) {
    if (binding !== rule && binding.additionalBindings.length > 0) {
      problems.push(`${name}: additional_bindings must not nest`);
      continue;
    }
    try {
      routes.push(createRoute(method, binding, policy));
    } catch (error) {
      problems.push(error instanceof Error ? error.message : String(error));
    }
  }
  return routes;
}

function createNode(): TrieNode {
  return { literals: new Map(), any: undefined, ends: new Map(), rest: new Map() };
}

function addRoute(root: TrieNode, route: Route, problems: string[]): void {
  let node = root;
  let ends: Ends | undefined;
  for (const segment of route.template.segments) {
    if (segment.kind === "rest") {
      ends = node.rest;
    } else if (segment.kind === "any") {
      node.any ??= createNode();
      node = node.any;
    } else {
      const next: TrieNode = node.literals.get(segment.text) ?? createNode();
      node.literals.set(segment.text, next);
      node = next;
    }
  }
  ends ??= node.ends;
  const { verb } = route.template;
  const methods = ends.get(verb) ?? new Map<string, Route>();
  ends.set(verb, methods);
  const other = methods.get(route.httpMethod);
  if (other !== undefined) {
    problems.push(`${other.label} and ${route.label} match the same requests`);
    return;
  }
  methods.set(route.httpMethod, route);
}

function match(
  root: TrieNode,
  verbs: ReadonlySet<string>,
  owners: readonly Owner[],
  httpMethod: string,
  requestTarget: string,
): RouteAnswer {
  const target = parseTarget(requestTarget);
  if (target === undefined) return { kind: "not_found", policy: undefined };
  const problem = findTargetProblem(target);
  if (problem !== undefined) {
    const error = new ConnectError(problem, Code.InvalidArgument);
    return { kind: "malformed", error, policy: findPolicy(owners, target.path) };
  }
  const searches = toSearches(target.path, verbs, httpMethod);
  for (const search of searches) {
    const route = findRoute(root, 0, search);
    if (route !== undefined) {
      const captures = capture(route, search.segments);
      return { kind: "match", route, captures, query: target.query, headOnly: httpMethod === "HEAD" };
    }
  }
  const others = new Map<string, Route>();
  for (const search of searches) collectRoutes(root, 0, search, others);
  const [first] = others.values();
  if (first === undefined) return { kind: "not_found", policy: findPolicy(owners, target.path) };
  const allow = new Set(others.keys());
  if (allow.has("GET")) allow.add("HEAD");
  return { kind: "method_not_allowed", allow: [...allow].sort(), policy: first.policy };
}

/**
 * Returns the ways to read a path; the first that has a route wins: with a verb after the last colon of the last
 * segment, then without a verb, so that the colon is part of the value (ids such as `did:web:x`). An encoded colon
 * (`%3A`) never begins a verb.
 */
function toSearches(path: string, verbs: ReadonlySet<string>, httpMethod: string): Search[] {
  const segments = path === "/" ? [] : path.slice(1).split("/");
  const texts = path.includes("%") ? segments.map((segment) => decodePercent(segment) ?? segment) : segments;
  const plain: Search = { segments, texts, verb: "", httpMethod };
  const last = segments.at(-1) ?? "";
  const colon = last.lastIndexOf(":");
  if (colon < 0) return [plain];
  const verb = decodePercent(last.slice(colon + 1)) ?? "";
  if (verb === "" || !verbs.has(verb)) return [plain];
  const stripped = last.slice(0, colon);
  const before = segments.slice(0, -1);
  if (before.length === 0 && stripped === "") return [{ segments: before, texts: before, verb, httpMethod }, plain];
  const text = decodePercent(stripped) ?? stripped;
  return [{ segments: [...before, stripped], texts: [...texts.slice(0, -1), text], verb, httpMethod }, plain];
}

/**
 * Finds a route depth first, the most specific branch first, and goes back if a branch has no route for the verb and
 * the method. The work is bounded: the trie is a tree, the path limits each branch, and `**` only ends a template, so a
 * request visits each node at most once, however long and repetitive its path is.
 */
function findRoute(node: TrieNode, depth: number, search: Search): Route | undefined {
  if (depth === search.segments.length) return pickRoute(node.ends, search) ?? pickRoute(node.rest, search);
  const literal = node.literals.get(search.texts[depth] ?? "");
  const found = literal && findRoute(literal, depth + 1, search);
  if (found !== undefined) return found;
  const any = search.segments[depth] === "" ? undefined : node.any;
  return (any && findRoute(any, depth + 1, search)) ?? pickRoute(node.rest, search);
}

/** Returns the route for the method: an explicit HEAD before GET, and both before a rule for any method. */
function pickRoute(ends: Ends, search: Search): Route | undefined {
  const methods = ends.get(search.verb);
  if (methods === undefined) return undefined;
  const head = search.httpMethod === "HEAD" ? methods.get("GET") : undefined;
  return methods.get(search.httpMethod) ?? head ?? methods.get("*");
}

/** Collects all routes of the path by HTTP method, in the order of `findRoute`. */
function collectRoutes(node: TrieNode, depth: number, search: Search, found: Map<string, Route>): void {
  if (depth === search.segments.length) {
    addMissing(found, node.ends.get(search.verb));
  } else {
    const literal = node.literals.get(search.texts[depth] ?? "");
    if (literal !== undefined) collectRoutes(literal, depth + 1, search, found);
    if (node.any !== undefined && search.segments[depth] !== "") collectRoutes(node.any, depth + 1, search, found);
  }
  addMissing(found, node.rest.get(search.verb));
}

function addMissing(found: Map<string, Route>, methods: ReadonlyMap<string, Route> | undefined): void {
  for (const [httpMethod, route] of methods ?? []) {
    if (!found.has(httpMethod)) found.set(httpMethod, route);
  }
}

function capture(route: Route, segments: readonly string[]): string[] {
  return route.path.map(({ variable: { start, end, rest } }) => {
    const single = !rest && end - start === 1;
    const raw = single ? (segments[start] ?? "") : segments.slice(start, rest ? undefined : end).join("/");
    return decodeCapture(raw, !single);
  });
}

/** A path, and the policy whose error document is sent below it. */
interface Owner {
  readonly path: string;
  readonly policy: RestPolicy;
}

/** Returns the owners of paths, the longest path first. */
function findOwners(mounts: readonly RouteMount[]): Owner[] {
  const policies = new Set(mounts.map((mount) => mount.policy));
  return [...policies]
    .flatMap((policy) => (policy.ownPaths ?? [policy.pathPrefix]).map((path) => ({ path, policy })))
    .sort((a, b) => b.path.length - a.path.length);
}

function findPolicy(owners: readonly Owner[], path: string): RestPolicy | undefined {
  return owners.find((owner) => path.startsWith(owner.path) && /^(\/|:|$)/.test(path.slice(owner.path.length)))?.policy;
}
