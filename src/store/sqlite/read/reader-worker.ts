/** The reader thread: lists from a connection of its own that only reads, one question after another. */
import { workerData } from "node:worker_threads";
import { openReader } from "../file/database-file.ts";
import { serveQuestions } from "../worker-port.ts";
import { listAttempts } from "./list-attempts.ts";
import { listApiKeys, listOrganizations } from "./list-by-id.ts";
import { EventLister, readLog } from "./list-events.ts";
import { QueryRunner } from "./list-query.ts";
import { SessionLister } from "./list-sessions.ts";
import { UserLister } from "./list-users.ts";
import type { ReaderData, ReaderQuestion } from "./reader-question.ts";
import { UserSearcher } from "./user-searcher.ts";

const { path, limits } = workerData as ReaderData;
const database = openReader(path);
const runner = new QueryRunner(database);
const users = new UserLister(runner, limits);
const searcher = new UserSearcher(runner, limits);
const sessions = new SessionLister(runner, limits);
const events = new EventLister(runner, limits);

serveQuestions<ReaderQuestion>(
  (question) => {
    switch (question.name) {
      case "listUsers":
        return users.list(question.query, question.now);
      case "searchSlice":
        return searcher.slice(question.query, question.now);
      case "countUsers":
        return searcher.count(question.organizationId);
      case "readUsers":
        return searcher.read(question.ids, question.namespaces, question.now);
      case "listUserEvents":
        return events.list(question.query);
      case "readLog":
        return readLog(runner, question.after, question.limit);
      case "listSessions":
        return sessions.list(question.query, question.now);
      case "listAttempts":
        return listAttempts(runner, question.query, question.now, limits);
      case "listOrganizations":
        return listOrganizations(runner, question.query);
      case "listApiKeys":
        return listApiKeys(runner, question.query);
      default:
        return question satisfies never;
    }
  },
  () => database.close(),
);
