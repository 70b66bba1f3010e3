/** Better Auth with its admin plugin on better-sqlite3: users, and an administrator whose cookie it prints. */
import { randomUUID } from "node:crypto";
import { createServer } from "node:http";
import { parseArgs } from "node:util";
import { betterAuth } from "better-auth";
import { getMigrations } from "better-auth/db/migration";
import { toNodeHandler } from "better-auth/node";
import { admin } from "better-auth/plugins";
import Database from "better-sqlite3";

const { values: flags } = parseArgs({
  options: { sqlite: { type: "string", default: ":memory:" }, users: { type: "string", default: "1000" } },
});
const BASE_URL = "http://127.0.0.1";
const PASSWORD = "a-password-for-benchmarks";

const database = new Database(flags.sqlite);
// As durable as lockkeeper: an answer means that the change is on disk.
database.pragma("journal_mode = WAL");
database.pragma("synchronous = FULL");
const options = {
  baseURL: BASE_URL,
  secret: randomUUID(),
  database,
  emailAndPassword: { enabled: true },
  rateLimit: { enabled: false },
  telemetry: { enabled: false },
  plugins: [admin()],
};
await (await getMigrations(options)).runMigrations();
const auth = betterAuth(options);

const { headers, response } = await auth.api.signUpEmail({
  body: { name: "Admin", email: "admin@example.com", password: PASSWORD },
  returnHeaders: true,
});
database.prepare("UPDATE user SET role = 'admin' WHERE id = ?").run(response.user.id);
const cookie = headers
  .getSetCookie()
  .map((each) => each.split(";")[0])
  .join("; ");
const insert = database.prepare(
  "INSERT INTO user (id, name, email, emailVerified, createdAt, updatedAt) VALUES (?, ?, ?, 1, ?, ?)",
);
const now = new Date().toISOString();
database.transaction(() => {
  for (let index = 0; index < Number(flags.users); index++) {
    insert.run(`user-${index}`, `User ${index}`, `user${index}@example.com`, now, now);
  }
})();

const server = createServer(toNodeHandler(auth));
server.listen(0, "127.0.0.1", () => {
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the server has no port");
  process.stdout.write(`cookie ${cookie}\nlistening on ${BASE_URL}:${address.port}\n`);
});
