/** Writes a file under a temporary name in its folder, so that a partial file is never taken for a complete one. */
import { randomBytes } from "node:crypto";
import { lstatSync, rmSync, type Stats, statSync } from "node:fs";
import { type FileHandle, link, open, rename } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { fileFault } from "../../../file-fault.ts";
import { EXIT, Failure, usageFailure } from "../../frame/failure.ts";

export interface PartialFile {
  readonly path: string;
  readonly handle: FileHandle;
  /** Renames the file durably. Throws a Failure if another file appeared in the meantime, unless it may be replaced. */
  settle(): Promise<void>;
  /** Deletes the file unless it was settled. */
  discard(): Promise<void>;
}

/** Whether there is a file to replace. Throws a Failure for a folder or a device. */
export function isFileThere(file: string): boolean {
  const found: Stats | undefined = statSync(file, { throwIfNoEntry: false });
  if (found !== undefined && !found.isFile()) throw usageFailure(`${file} is not a file`);
  return lstatSync(file, { throwIfNoEntry: false }) !== undefined;
}

/** Creates the file, readable only by its owner. Throws a Failure if the folder cannot be written. */
export async function makePartialFile(file: string, { replace }: { readonly replace: boolean }): Promise<PartialFile> {
  const folder = dirname(file);
  const path = join(folder, `.${basename(file)}.${process.pid}-${randomBytes(6).toString("hex")}.partial`);
  let handle: FileHandle;
  try {
    // It must not exist yet: neither as another's file nor as a link to one.
    handle = await open(path, "wx", 0o600);
  } catch (error) {
    throw usageFailure(`${file} cannot be written: ${fileFault(error)}`);
  }
  return {
    path,
    handle,
    async settle() {
      if (replace) await rename(path, file);
      else await nameNew(path, file);
      await syncFolder(folder);
    },
    async discard() {
      await handle.close();
      rmSync(path, { force: true });
    },
  };
}

async function nameNew(path: string, file: string): Promise<void> {
  try {
    await link(path, file);
  } catch (error) {
    const isTaken = lstatSync(file, { throwIfNoEntry: false }) !== undefined;
    if (isTaken) throw new Failure(EXIT.REFUSED, `${file} appeared in the meantime and was not overwritten`);
    // A file system without links.
    if ((error as NodeJS.ErrnoException).code === "ENOENT") throw error;
    await rename(path, file);
    return;
  }
  rmSync(path);
}

async function syncFolder(path: string): Promise<void> {
  const handle = await open(path, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
