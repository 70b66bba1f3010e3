/** Remembered requests belong to a credential and its scope: one subject of an issuer may hold tokens of several organizations. Frozen once released. */

const STATEMENTS: readonly string[] = [
  `CREATE TABLE scoped_requests (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    actor TEXT NOT NULL,
    scope TEXT NOT NULL,
    rpc TEXT NOT NULL,
    request_id TEXT NOT NULL,
    content BLOB NOT NULL,
    resource_id TEXT NOT NULL,
    position INTEGER NOT NULL,
    answer TEXT,
    time INTEGER NOT NULL,
    UNIQUE (actor, scope, rpc, request_id)
  ) STRICT`,
  // The scope of a key never changes, so its row has it. The scope of a subject's token is not recorded: those rows are
  // dropped, and a repeated request runs again.
  `INSERT INTO scoped_requests (id, actor, scope, rpc, request_id, content, resource_id, position, answer, time)
    SELECT r.id, r.actor, coalesce(k.organization_id, ''), r.rpc, r.request_id, r.content, r.resource_id, r.position, r.answer, r.time
    FROM requests r JOIN api_keys k ON r.actor = 'key:' || k.id`,
  `DROP TABLE requests`,
  `ALTER TABLE scoped_requests RENAME TO requests`,
];

export const requestScope = { name: "0006-request-scope", statements: STATEMENTS };
