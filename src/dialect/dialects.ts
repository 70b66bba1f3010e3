/** The dialects that there are, one line each: a folder and its line go together. */
export { clerk } from "./clerk/dialect.ts";
export type { Dialect } from "./dialect.ts";
export { zitadel } from "./zitadel/dialect.ts";
