/** Sets the owner of files that an administrator creates next to the database. Uses descriptors, to follow no link. */
import { closeSync, constants, fchmodSync, fchownSync, fstatSync, openSync } from "node:fs";

interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/** Gives a file to an owner. Only root can do that; for other users it does nothing. */
export function giveDescriptor(descriptor: number, { uid, gid }: Owner): void {
  const own = fstatSync(descriptor);
  if (process.geteuid?.() === 0 && (own.uid !== uid || own.gid !== gid)) fchownSync(descriptor, uid, gid);
}

/** Gives a file to an owner and sets its mode; `mode` absent: unchanged. */
export function giveFile(path: string, owner: Owner, mode?: number): void {
  const descriptor = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    giveDescriptor(descriptor, owner);
    if (mode !== undefined) fchmodSync(descriptor, mode & 0o7777);
  } finally {
    closeSync(descriptor);
  }
}
