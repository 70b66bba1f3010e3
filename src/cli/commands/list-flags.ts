/** Lists of any length, read page by page, so that memory stays bounded. */
import type { Message } from "@bufbuild/protobuf";
import type { Ending } from "../frame/command.ts";
import { type FlagTable, type FlagValues, short, toggle, value } from "../frame/flag.ts";
import { parseWhole } from "../frame/flag-values.ts";
import type { Output, View } from "../frame/output.ts";
import { refuseTogether } from "./change-flags.ts";

const LIMIT_DEFAULT = 100;
const LIMIT_MAX = 1_000_000_000;

export const LIST_FLAGS = {
  limit: short(
    "n",
    value("NUMBER", `list at most this many (default ${LIMIT_DEFAULT})`, (typed) =>
      parseWhole(typed, { min: 1, max: LIMIT_MAX }),
    ),
  ),
  all: short("a", toggle("list all, streamed page by page")),
} satisfies FlagTable;

export interface Page<T> {
  readonly items: readonly T[];
  readonly nextPageToken: string;
}

export type ReadPage<T> = (page: { readonly pageSize: number; readonly pageToken: string }) => Promise<Page<T>>;

/** Prints a list. Throws a usage Failure when the flags contradict each other. */
export async function printList<T extends Message>(
  { limit, all }: FlagValues<typeof LIST_FLAGS>,
  { output, view, readPage }: { readonly output: Output; readonly view: View<T>; readonly readPage: ReadPage<T> },
): Promise<Ending> {
  refuseTogether({ "--limit": limit, "--all": all || undefined });
  let rest = all ? Number.POSITIVE_INFINITY : (limit ?? LIMIT_DEFAULT);
  let pageToken = "";
  async function* batches(): AsyncGenerator<readonly T[]> {
    do {
      const { items, nextPageToken } = await readPage({ pageSize: Math.min(LIMIT_MAX, rest), pageToken });
      yield items;
      rest -= items.length;
      pageToken = nextPageToken;
    } while (pageToken !== "" && rest > 0);
  }
  const count = await output.items(batches(), view);
  if (count === 0) output.note("none found");
  else if (pageToken !== "") {
    output.note("there may be more: --all lists all of them, --limit NUMBER as many as you say");
  }
  return "done";
}
