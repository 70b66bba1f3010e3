/** The readers of the systems that `--from` names, one line each. */
import type { Source } from "../row.ts";
import { auth0Export } from "./auth0.ts";
import { clerkExport } from "./clerk.ts";
import type { SourceName } from "./names.ts";
import { zitadelExport } from "./zitadel.ts";

export const SOURCES: Readonly<Record<SourceName, Source>> = {
  auth0: auth0Export,
  clerk: clerkExport,
  zitadel: zitadelExport,
};
