/** Makes, rotates and reads key files, for the command line. */
import type { KeyFileView } from "../../cli/frame/command.ts";
import { checkpointSigner } from "../../store/history/checkpoint-signer.ts";
import { type DatabaseAddress, openOffline } from "../../store/open-store.ts";
import { createKeyFile, readKeyFile, rotateKeyFile } from "./key-file.ts";

/** Makes the key file of a database that knows earlier verifier keys. Throws an Error of one plain sentence. */
export async function makeKeyFile(
  path: string,
  database: DatabaseAddress,
  earlier: readonly string[],
): Promise<KeyFileView> {
  createKeyFile(path, await (await openOffline(database)).instanceName(), earlier);
  return viewKeyFile(path);
}

/** Replaces the key that signs, and adds earlier verifier keys. Throws an Error of one plain sentence. */
export async function renewKeyFile(path: string, earlier: readonly string[] = []): Promise<KeyFileView> {
  rotateKeyFile(path, earlier);
  return viewKeyFile(path);
}

/** Reads what is not secret in a key file. Throws an Error of one plain sentence. */
export function viewKeyFile(path: string): KeyFileView {
  const { origin, verifierKeys } = checkpointSigner(readKeyFile(path));
  return { instance: origin, verifierKeys };
}
