/** A preload that makes the writer wrong on purpose, so that the durability test can be seen to notice. */
import { subscribe } from "node:diagnostics_channel";
import Database from "better-sqlite3";

/** The organization and the key, which follow each other at once. */
const COMMITS_OF_FIRST_START = 2;

const wrong = process.env.LOCKKEEPER_TEST_WRONG;

if (wrong === "synchronous-normal") {
  const { pragma } = Database.prototype;
  Database.prototype.pragma = function (source, options) {
    return pragma.call(this, /^synchronous\s*=/.test(source) ? "synchronous = NORMAL" : source, options);
  };
} else if (wrong === "answer-before-commit") {
  const { prepare } = Database.prototype;
  let commits = 0;
  const late = new Map<Database.Database, () => void>();
  const commitAll = (): void => {
    for (const commit of late.values()) commit();
  };
  // Node tells it when the answer has gone out: after the OK, before the same connection's next request is read.
  subscribe("http.server.response.finish", commitAll);
  Database.prototype.prepare = function (this: Database.Database, source: string) {
    const statement = prepare.call(this, source);
    // None of those that are changed takes a parameter.
    const { run, get } = statement as Database.Statement<[]>;
    // What the service does for itself has no answer: so it is committed before anything that the transaction would refuse.
    const first =
      <T>(does: () => T) =>
      () => {
        commitAll();
        return does.call(statement);
      };
    if (/^(?:BEGIN|PRAGMA)/.test(source)) return Object.assign(statement, { run: first(run), get: first(get) });
    if (source !== "COMMIT") return statement;
    const commitLate = (): Database.RunResult => {
      commits += 1;
      if (commits <= COMMITS_OF_FIRST_START) return run.call(statement);
      late.set(this, () => {
        late.delete(this);
        run.call(statement);
      });
      return { changes: 0, lastInsertRowid: 0 };
    };
    return Object.assign(statement, { run: commitLate });
  } as typeof prepare;
} else if (wrong !== undefined) {
  throw new Error(`wrong-writer: LOCKKEEPER_TEST_WRONG=${wrong} is not known`);
}
