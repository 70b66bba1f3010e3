/** All dialects, one line each: delete a folder together with its line. */
export { clerk } from "./clerk/dialect.ts";
export type { Dialect } from "./dialect.ts";
export { zitadel } from "./zitadel/dialect.ts";
