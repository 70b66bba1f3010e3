/** The texts of the page of the service's health. */

export const HEALTH = {
  title: "Health",
  service: "The service",
  ready: "ready",
  notReady: "not ready",
  away: "It does not answer.",
  state: "State",
  why: "Why",
  version: "Version",
  clock: "Its clock",
  skew: (seconds: number): string =>
    `${Math.abs(seconds).toLocaleString("en")} s ${seconds > 0 ? "ahead of" : "behind"} this browser’s`,
  noSkew: "the same as this browser’s",
  you: "You",
  actor: "In histories",
  role: "Role",
  scope: "Scope",
  expires: "Expires",
  permissions: "Permissions",
  history: "The history",
  historyLead:
    "Every change is an event in one chain of hashes. A verification reads all of it, and finds what was altered, removed or put in.",
  needsWhole: "The history belongs to the whole instance: only a caller for the whole instance can verify it.",
  checkpoint: "Last checkpoint",
  noCheckpoint: "None is written yet. The service signs one now and then, and when it stops.",
  position: (position: bigint): string => `at event ${position.toLocaleString("en")}`,
  keys: "Verifier keys",
  kept: "A checkpoint that was kept elsewhere",
  keptHint: "Optional: a signed note. With it you learn whether the end of the history was cut off.",
  verify: "Verify the history",
  stop: "Stop",
  progress: (position: bigint, total: bigint): string =>
    `${position.toLocaleString("en")} of ${total.toLocaleString("en")} events verified`,
  stopped: "Stopped. Nothing is proved.",
  broken: "The verification ended without a report. Nothing is proved.",
  whole: (events: bigint, links: bigint, checkpoints: bigint): string =>
    `The history is as it was written: ${events.toLocaleString("en")} events in ${links.toLocaleString("en")} commits, compared with ${checkpoints.toLocaleString("en")} checkpoint${checkpoints === 1n ? "" : "s"}.`,
  faults: (count: number): string =>
    `The history is not as it was written. The first ${count === 1 ? "fault" : `${count} faults`}:`,
  unknownSigners: (count: number): string =>
    `${count === 1 ? "One checkpoint agrees" : `${count} checkpoints agree`} with the history, but a key signed that this service does not know: it was rotated elsewhere, or lost, or is somebody else’s.`,
  faultCaption: "Faults in the history",
  faultColumns: { position: "Event", fault: "What is wrong" },
};
