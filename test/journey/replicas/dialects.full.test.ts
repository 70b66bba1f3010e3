/** Foreign APIs and their SDKs on three replicas behind a balancer. */
import { importAll } from "../../support/import-all.ts";

process.env.TEST_REPLICAS = "3";
await importAll("test/dialect/**/*.test.ts", [
  "test/dialect/{hostile,json-numbers}.test.ts",
  "test/dialect/*/{wire/*,dialect,services/reflection,sessions/session-trouble}.test.ts",
]);
