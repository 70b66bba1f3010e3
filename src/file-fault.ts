/** Says in a sentence why a file cannot be used, instead of the operating system's code. */

const SENTENCES: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file or folder",
  EEXIST: "there is such a file already",
  EACCES: "permission denied",
  EPERM: "the operating system does not allow it",
  EISDIR: "it is a folder",
  ENOTDIR: "a part of its path is not a folder",
  ELOOP: "its symbolic links form a loop",
  ENAMETOOLONG: "its name is too long",
  EROFS: "the file system is read-only",
  ENOSPC: "the disk is full",
  EDQUOT: "the disk quota of this user is used up",
  EMFILE: "this process has too many files open",
};

/** Returns the end of `FILE cannot be read: …`; Node's own message for an unknown code. */
export function fileFault(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { code = "" } = error as NodeJS.ErrnoException;
  return Object.hasOwn(SENTENCES, code) ? (SENTENCES[code] ?? error.message) : error.message;
}
