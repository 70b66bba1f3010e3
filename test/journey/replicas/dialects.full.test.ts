/** Foreign APIs and their SDKs on three replicas behind a balancer. */
import { importAll } from "../../support/import-all.ts";

process.env.TEST_REPLICAS = "3";
await importAll("test/dialect/**/*.test.ts");
