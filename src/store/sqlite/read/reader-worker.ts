/** The reader thread: lists from a connection of its own that only reads, one question after another. */
import { workerData } from "node:worker_threads";
import { ListAnswers } from "../../lists/list-answers.ts";
import type { ReaderQuestion } from "../../lists/list-reader.ts";
import { openReader } from "../file/database-file.ts";
import { serveQuestions } from "../worker-port.ts";
import type { ReaderData } from "./reader-data.ts";
import { SqliteLists } from "./sqlite-lists.ts";

const { path, limits } = workerData as ReaderData;
const database = openReader(path);
const lists = new ListAnswers(new SqliteLists(database), limits);

serveQuestions<ReaderQuestion>(
  (question) => lists.answer(question),
  () => database.close(),
);
