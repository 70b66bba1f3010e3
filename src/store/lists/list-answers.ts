/** Answers the questions of a reader from an engine. */
import { HistoryAnswers } from "../history/history-answers.ts";
import type { Limits } from "../limits.ts";
import { summarise } from "./events/event-summary.ts";
import { EventLister, readLog } from "./events/list-events.ts";
import { LogLister } from "./events/list-log.ts";
import { UserChains } from "./events/user-chain.ts";
import { listAttempts } from "./list-attempts.ts";
import { listApiKeys, listOrganizations } from "./list-by-id.ts";
import type { ListEngine } from "./list-queries.ts";
import type { ReaderQuestion } from "./list-reader.ts";
import { SessionLister } from "./list-sessions.ts";
import { UserLister } from "./list-users.ts";
import { UserSearcher } from "./user-searcher.ts";

export class ListAnswers {
  readonly #engine: ListEngine;
  readonly #limits: Limits;
  readonly #users: UserLister;
  readonly #searcher: UserSearcher;
  readonly #sessions: SessionLister;
  readonly #events: EventLister;
  readonly #history: HistoryAnswers;
  readonly #log: LogLister;

  constructor(engine: ListEngine, limits: Limits) {
    this.#engine = engine;
    this.#limits = limits;
    this.#users = new UserLister(engine, limits);
    this.#searcher = new UserSearcher(engine, limits);
    this.#sessions = new SessionLister(engine, limits);
    this.#history = new HistoryAnswers(engine, limits);
    const chains = new UserChains();
    this.#events = new EventLister(engine, limits, chains);
    this.#log = new LogLister(engine, limits, chains);
  }

  /** Rejects with PageTokenError, HistoryChangedError, or an error of the engine. */
  async answer(question: ReaderQuestion): Promise<unknown> {
    switch (question.name) {
      case "listUsers":
        return await this.#users.list(question.query, question.now);
      case "searchSlice":
        return await this.#searcher.slice(question.query, question.now);
      case "countUsers":
        return await this.#searcher.count(question.organizationId);
      case "readUsers":
        return await this.#searcher.read(question.ids, question.namespaces, question.now);
      case "listUserEvents":
        return await this.#events.list(question.query);
      case "listEvents":
        return await this.#log.list(question.query);
      case "summarise":
        return await summarise(this.#engine, question.count);
      case "readLog":
        return await readLog(this.#engine, question.after, question.limit);
      case "listSessions":
        return await this.#sessions.list(question.query, question.now);
      case "listAttempts":
        return await listAttempts(this.#engine, question.query, question.now, this.#limits);
      case "listOrganizations":
        return await listOrganizations(this.#engine, question.query);
      case "listApiKeys":
        return await listApiKeys(this.#engine, question.query);
      case "historyHead":
        return await this.#history.head();
      case "historySlice":
        return await this.#history.slice(question.after, question.head);
      case "verifySlice":
        return await this.#history.verify(question.place, question.head, question.wanted);
      case "listCheckpoints":
        return await this.#history.checkpoints(question.query);
      default:
        return question satisfies never;
    }
  }
}
