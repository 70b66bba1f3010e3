/** Whose a file is that an administrator makes beside the service's own: by descriptor, so that no link is followed. */
import { closeSync, constants, fchmodSync, fchownSync, fstatSync, openSync } from "node:fs";

interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/** Only root can give files away; whoever else makes one keeps it. */
export function giveDescriptor(descriptor: number, { uid, gid }: Owner): void {
  const own = fstatSync(descriptor);
  if (process.geteuid?.() === 0 && (own.uid !== uid || own.gid !== gid)) fchownSync(descriptor, uid, gid);
}

/** `mode` absent: it stays. */
export function giveFile(path: string, owner: Owner, mode?: number): void {
  const descriptor = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    giveDescriptor(descriptor, owner);
    if (mode !== undefined) fchmodSync(descriptor, mode & 0o7777);
  } finally {
    closeSync(descriptor);
  }
}
