/** The texts of "Locked now" and "Ending soon", and of acts on many users at once. */

const users = (count: number): string => `${count.toLocaleString("en")} user${count === 1 ? "" : "s"}`;

export const RESTRICTED = {
  locked: {
    title: "Locked now",
    lead: "Everybody who may not sign in at this moment, and the way back for many at once.",
    emptyTitle: "Nobody is restricted",
    emptyText: "Users that somebody or the policy locks, bans or deactivates are listed here.",
    filteredTitle: "Nobody is restricted like this",
    filteredText: "Take a filter away, or choose another state.",
    caption: "Users who are restricted now",
  },
  ending: {
    title: "Ending soon",
    lead: "Restrictions that end, or begin, by themselves within the chosen time: the soonest first.",
    emptyTitle: "Nothing ends or begins within this time",
    emptyText: "Choose a longer time, or look at everybody who is restricted under “Locked now”.",
    caption: "Users with a restriction that ends or begins soon",
    within: "Within",
    spans: {
      "15m": "15 minutes",
      "1h": "1 hour",
      "24h": "24 hours",
      "7d": "7 days",
      "30d": "30 days",
    } as Readonly<Record<string, string>>,
    tooMany: (count: number): string =>
      `More than ${count.toLocaleString("en")} users are due within this time, and only so many are shown. Choose a shorter time to be sure of the soonest.`,
    due: "What happens",
    when: "When",
    at: "At",
    ends: (what: string): string => `${what} ends`,
    begins: (what: string): string => `${what} begins`,
  },
  state: "State",
  anyRestricted: "All of them",
  order: "Order",
  orders: {
    changed: "Last changed first",
    newest: "Newest user first",
    oldest: "Oldest user first",
  } as Readonly<Record<string, string>>,
  organization: "Organization",
  organizationAny: "Any",
  refresh: "Look again",
  chosen: (count: number): string => `${users(count)} selected`,
  choose: (name: string): string => `Select ${name}`,
  clear: "Clear the selection",
  nothingToLift: {
    unlock: "None of the selected users is locked.",
    unban: "None of the selected users is banned.",
    reactivate: "None of the selected users is inactive.",
  } as Readonly<Record<string, string>>,
  bulk: {
    acts: {
      unlock: (count: number): string => `Unlock ${users(count)}`,
      unban: (count: number): string => `Lift the ban of ${users(count)}`,
      reactivate: (count: number): string => `Reactivate ${users(count)}`,
    } as Readonly<Record<string, (count: number) => string>>,
    who: "Who",
    andMore: (count: number): string => `and ${count.toLocaleString("en")} more`,
    alone: "Each user is acted on singly, and is left alone if somebody else changed it meanwhile.",
    progress: (done: number, all: number): string => `${done.toLocaleString("en")} of ${users(all)} done`,
    stop: "Stop",
    stopped: (count: number): string => `Stopped. ${users(count)} ${count === 1 ? "was" : "were"} not touched.`,
    done: (count: number): string => `Done for ${users(count)}.`,
    failed: (count: number): string => `Not done for ${users(count)}:`,
    changed: "Somebody else changed this user meanwhile.",
    retry: (count: number): string => `Try again for ${users(count)}, as they are now`,
    nothingLeft: "Nothing is left to lift.",
  },
};
