/** What is done at the console, on three replicas on PostgreSQL behind a balancer. */
process.env.TEST_REPLICAS = "3";

for (const name of ["acts", "tabs"]) await import(`../../console/${name}.full.test.ts`);
