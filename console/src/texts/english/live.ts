/** What the page says of itself while it follows events. */

export const LIVE = {
  starting: "Connecting to live events…",
  live: "Live",
  away: "Not live: the service does not answer. Trying again.",
  full: "Not live: the service has as many live pages open as it may. Close other ones, or wait: trying again.",
  busy: "Not live: the service is asked too much at this moment. Trying again.",
  refused: "Not live: the service does not let this credential watch events.",
  never: "So this page is read again when you come back to it, and is not live.",
};
