/** Journeys of one thread, with two: the answers, the limits and what hostile clients can do stay the same. */
process.env.LOCKKEEPER_THREADS = "2";

const JOURNEYS = ["hostile", "malformed", "rate-limits", "wire-matrix", "client-address", "rest", "reload.full"];
for (const name of JOURNEYS) await import(`../../journey/${name}.test.ts`);
