/** More journeys on three replicas behind a balancer; what generated requests meet is one process on PostgreSQL. */
process.env.TEST_REPLICAS = "3";

const JOURNEYS = [
  "wire-matrix",
  "login-example",
  "hostile",
  "malformed",
  "permissions",
  "refused-early",
  "rest",
  "rest-paths",
  "oidc",
  "oidc-scopes",
];
for (const name of JOURNEYS) await import(`../${name}.test.ts`);
