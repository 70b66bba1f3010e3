/** More journeys on three replicas behind a balancer; what generated requests meet is one process on PostgreSQL. */
import { importAll } from "../../support/import-all.ts";

process.env.TEST_REPLICAS = "3";
await importAll(
  "test/journey/{wire-matrix,login-example,hostile,malformed,permissions,refused-early,rest,rest-paths,oidc,oidc-scopes}.test.ts",
  // Refused before a store is asked.
  ["test/journey/{hostile,malformed,refused-early,rest-paths}.test.ts"],
);
