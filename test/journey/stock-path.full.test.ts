/** Journeys with `--fast-path false`: nothing but connect-es serves its protocols, and nobody sees a difference. */
process.env.LOCKKEEPER_FAST_PATH = "false";

const JOURNEYS = ["hostile", "malformed", "wire-matrix", "permissions", "refused-early"];
for (const name of JOURNEYS) await import(`./${name}.test.ts`);
