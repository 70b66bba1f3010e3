/** Journeys on two replicas behind a balancer: every client sees what it sees of one process. */
process.env.TEST_REPLICAS = "2";

const JOURNEYS = ["wire-matrix", "login-example"];
for (const name of JOURNEYS) await import(`../${name}.test.ts`);
