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
  const { pragma, prepare } = Database.prototype;
  let commits = 0;
  const late = new Map<Database.Database, () => void>();
  const commitAll = (): void => {
    for (const commit of late.values()) commit();
  };
  // Node tells it when the answer has gone out: after the OK, before the same connection's next request is read.
  subscribe("http.server.response.finish", commitAll);
  // What the service does for itself has no answer: so it is committed before anything that the transaction would refuse.
  Database.prototype.pragma = function (source, options) {
    commitAll();
    return pragma.call(this, source, options);
  };
  Database.prototype.prepare = function (this: Database.Database, source: string) {
    const statement = prepare.call(this, source);
    const isBegin = source.startsWith("BEGIN");
    if (source !== "COMMIT" && !isBegin) return statement;
    const run = (): Database.RunResult => {
      if (isBegin) commitAll();
      else commits += 1;
      if (isBegin || commits <= COMMITS_OF_FIRST_START) return statement.run([]);
      late.set(this, () => {
        late.delete(this);
        statement.run([]);
      });
      return { changes: 0, lastInsertRowid: 0 };
    };
    return Object.assign(Object.create(statement) as typeof statement, { run });
  } as typeof prepare;
} else if (wrong !== undefined) {
  throw new Error(`wrong-writer: LOCKKEEPER_TEST_WRONG=${wrong} is not known`);
}
