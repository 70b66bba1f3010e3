/** The names of the systems that `--from` takes, without the code that reads their files. */

export const SOURCE_NAMES = { auth0: "auth0", clerk: "clerk", zitadel: "zitadel" } as const;
export type SourceName = keyof typeof SOURCE_NAMES;
