/** Lists and searches on PostgreSQL: in this thread, on connections of their own. */
import type { Limits } from "../../limits.ts";
import { ListAnswers } from "../../lists/list-answers.ts";
import { ListReader } from "../../lists/list-reader.ts";
import { PostgresLists, type PostgresListsOptions } from "./postgres-lists.ts";

export interface ReaderOptions extends Omit<PostgresListsOptions, "readMs"> {
  readonly limits: Limits;
}

export class Reader extends ListReader {
  constructor({ pool, seal, limits }: ReaderOptions) {
    const lists = new ListAnswers(new PostgresLists({ pool, seal, readMs: limits.readMs }), limits);
    super({ ask: (question) => lists.answer(question), listMs: limits.listMs });
  }
}
