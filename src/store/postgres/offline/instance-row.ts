/** The name of the instance in a PostgreSQL database. */
import { instanceName } from "../../history/instance-name.ts";
import { TOKEN_KEY_NAME } from "../../search/token-seal.ts";
import type { Connection } from "../connect/connection.ts";

const READ_TOKEN_KEY = { name: "read_token_key_of_instance", text: "SELECT value FROM secrets WHERE name = $1" };

/** Returns the first line of the checkpoints of a database. `place`: the database, for errors. */
export async function readInstanceName(connection: Connection, place: string): Promise<string> {
  const [key] = await connection.rows<{ readonly value: Buffer }>(READ_TOKEN_KEY, [TOKEN_KEY_NAME]);
  if (key === undefined) throw new Error(`the database ${place} has no key for page tokens`);
  return instanceName(key.value);
}
