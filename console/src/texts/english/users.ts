/** The texts of the search for users. */

export const USERS = {
  title: "Users",
  search: "Search",
  searchIn: "Search in",
  inName: "Username or email",
  inId: "User id",
  placeholder: "Begins with…",
  state: "State",
  anyState: "Any state",
  reason: "Reason code",
  submit: "Search",
  clear: "Clear",
  columns: { user: "User", state: "State", why: "Why", until: "Ends", changed: "Changed" },
  caption: "Users who match the search",
  emptyTitle: "No user matches",
  emptyText:
    "A search compares beginnings, and takes a whole user id: shorten it, search in another field, or take a filter away.",
  noneTitle: "There are no users yet",
  noneText: "Create users over the API or import them with `lockkeeper users import`.",
  count: (count: number, isAll: boolean): string =>
    `${count.toLocaleString("en")}${isAll ? "" : " or more"} user${count === 1 && isAll ? "" : "s"}`,
};
