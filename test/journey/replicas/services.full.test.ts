/** Our own services on three replicas behind a balancer, with all properties of signing in. */
import { importAll } from "../../support/import-all.ts";

process.env.TEST_REPLICAS = "3";
await importAll("test/service/{native,operations}/*.test.ts", [
  "test/service/native/{update-mask,user-fields,session-refusals,sign-in-refusals}.test.ts",
  "test/service/operations/{policy-simulator,policy-table,simulate-policy}.test.ts",
]);
