/** `lockkeeper keys create`: creates an API key, through the service or, if the last one is lost, in its database. */
import { existsSync } from "node:fs";
import { DATABASE, type DatabaseChoice } from "../../../config-values.ts";
import { defineCommand, type ServiceParts } from "../../frame/command.ts";
import { EXIT, Failure, usageFailure } from "../../frame/failure.ts";
import { text, textList, toggle, value } from "../../frame/flag.ts";
import { parseInstant } from "../../frame/flag-values.ts";
import { fieldLines } from "../../frame/text.ts";
import { head } from "../change-flags.ts";
import { keyLines } from "./view.ts";

const ONLINE_FLAGS = ["role", "permissions", "expires", "validate-only"] as const;

function isGiven(typed: unknown): boolean {
  return typed !== undefined && typed !== false && !(Array.isArray(typed) && typed.length === 0);
}

type OwnerKey = Awaited<ReturnType<ServiceParts["createOwnerKey"]>>;

/** Creates an owner key in a database: that of a stopped service if it is a file. */
async function ownerKey(database: DatabaseChoice, displayName: string, parts: ServiceParts): Promise<OwnerKey> {
  const isFile = database.engine === "sqlite";
  // A mistyped path would create an empty database, and a key that opens nothing.
  if (isFile && !existsSync(database.path)) throw usageFailure(`--database: there is no file ${database.path}`);
  try {
    return await parts.createOwnerKey(database, displayName || "keys create --database");
  } catch (error) {
    // The store explains in one plain sentence why it cannot be opened.
    if (!(error instanceof Error) || error.constructor !== Error) throw error;
    const context = isFile ? "--database works only while the service is stopped" : "--database";
    throw new Failure(EXIT.REFUSED, `${context}: ${error.message}`, { cause: error });
  }
}

function ownerKeyLines({ keyId, secret }: OwnerKey): string {
  return fieldLines([
    ["key", keyId],
    ["role", "owner"],
    ["organization", "the whole instance"],
    ["secret, shown this once", secret],
  ]);
}

export const keysCreate = defineCommand({
  name: "keys create",
  meaning: "create an API key and show its secret once",
  reach: "organization",
  words: {},
  flags: {
    role: { ...text("ROLE", "owner, operator, viewer, login or auditor"), named: "roles" },
    permissions: {
      ...textList("NAME,…", "permissions instead of a role, comma-separated, such as user.read,user.write"),
      named: "permissions",
    },
    "display-name": text("TEXT", "the display name"),
    expires: value("INSTANT", "when the key expires (default: never)", parseInstant),
    "validate-only": toggle("check everything and show the result, but change nothing"),
    database: value(
      DATABASE.placeholder,
      "create an owner key directly in this database when the last one is lost; a service on a file must be stopped",
      DATABASE.parse,
    ),
  },
  examples: [
    ["keys create --role operator --display-name 'support desk'", "for the whole instance"],
    ["keys create --role login --organization acme --expires 2030-01-31", "for one organization"],
    ["keys create --permissions user.read,events.read --json | jq -r .secret", "in a script"],
    ["keys create --database sqlite:data/lockkeeper.db", "when every owner key is lost"],
  ],
  async run(given, { client, organizationId, output, parts }) {
    const displayName = given["display-name"] ?? "";
    if (given.database !== undefined) {
      const strange =
        ONLINE_FLAGS.find((name) => isGiven(given[name])) ?? (organizationId === "" ? undefined : "organization");
      if (strange !== undefined) {
        throw usageFailure(
          `--database creates an owner key for the whole instance and cannot be used with --${strange}`,
        );
      }
      const key = await ownerKey(given.database, displayName, parts);
      await output.object(key, { lines: () => ownerKeyLines(key), name: () => key.keyId });
      return "done";
    }
    const keys = await client("keys");
    const response = await keys.createApiKey({
      displayName,
      role: given.role ?? "",
      permissions: [...given.permissions],
      organizationId,
      ...(given.expires === undefined ? {} : { expireTime: given.expires }),
      validateOnly: given["validate-only"],
    });
    const { apiKey, secret } = response;
    await output.result(response, {
      lines: () => head(given, "created") + keyLines(apiKey, { output, secret }),
      name: () => apiKey?.apiKeyId ?? "",
    });
    return "done";
  },
});
