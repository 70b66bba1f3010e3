/** What the page says of itself while it follows events. */

export const LIVE = {
  starting: "Connecting to live events…",
  live: "Live",
  away: "Not live: the service does not answer. Trying again.",
  refused: "Not live: the service does not let this credential watch events.",
  never: "So this page is read again when you come back to it, and is not live.",
};
