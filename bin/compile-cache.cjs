// The cache of compiled code, which makes every start but the first quicker.
"use strict";

const { existsSync, lstatSync, mkdirSync, realpathSync } = require("node:fs");
const { enableCompileCache } = require("node:module");
const { homedir } = require("node:os");
const { dirname, isAbsolute, join } = require("node:path");

const WRITABLE_BY_OTHERS = 0o022;
/** In such a folder, /tmp for one, nobody can replace what belongs to someone else. */
const STICKY = 0o1000;

/** Uses the cache in the user's own folder, if there is one that nobody else can write to. A start without it is as good. */
function useCompileCache() {
  // Node has taken its own setting already, or is told to do without.
  if (process.env.NODE_COMPILE_CACHE || process.env.NODE_DISABLE_COMPILE_CACHE) return;
  try {
    const folder = cacheFolder();
    makeFolder(folder);
    const real = realpathSync(folder);
    if (!isSafe(real)) return;
    enableCompileCache(real);
    // Threads read the variable: they have no such call of their own.
    process.env.NODE_COMPILE_CACHE = real;
  } catch {
    // There is no home, or it cannot be written.
  }
}

/** Returns where programs keep what they can make again: what systemd gives, or the custom of the system. */
function cacheFolder() {
  const { CACHE_DIRECTORY, LOCALAPPDATA, XDG_CACHE_HOME } = process.env;
  if (CACHE_DIRECTORY && isAbsolute(CACHE_DIRECTORY) && !CACHE_DIRECTORY.includes(":")) return CACHE_DIRECTORY;
  if (XDG_CACHE_HOME && isAbsolute(XDG_CACHE_HOME)) return join(XDG_CACHE_HOME, "lockkeeper");
  if (process.platform === "win32") return join(LOCALAPPDATA || join(homedir(), "AppData/Local"), "lockkeeper/cache");
  return join(homedir(), process.platform === "darwin" ? "Library/Caches" : ".cache", "lockkeeper");
}

/**
 * Makes a folder and those above it, one by one, below one that others cannot change; otherwise it makes nothing. Node's
 * recursive form never ends below /proc.
 */
function makeFolder(folder) {
  if (existsSync(folder)) return;
  const above = dirname(folder);
  makeFolder(above);
  if (areClosed(realpathSync(above))) mkdirSync(folder, { mode: 0o700 });
}

/**
 * Whether nobody but this user and root can change what the folder holds: Node runs the code that it finds there. The
 * folders above count as well, because their owners could put another one in its place.
 */
function isSafe(folder) {
  // On Windows the profile of a user is closed to others.
  if (process.getuid === undefined) return true;
  const me = process.getuid();
  const { uid, mode } = lstatSync(folder);
  if (uid !== me || (mode & WRITABLE_BY_OTHERS) !== 0) return false;
  return areClosed(dirname(folder));
}

/** Whether nobody but this user and root can replace what is in the folder, or the folder itself. */
function areClosed(folder) {
  if (process.getuid === undefined) return true;
  const me = process.getuid();
  for (let above = folder; ; above = dirname(above)) {
    const { uid: owner, mode: rights } = lstatSync(above);
    if (owner !== me && owner !== 0) return false;
    if ((rights & WRITABLE_BY_OTHERS) !== 0 && (rights & STICKY) === 0) return false;
    if (above === dirname(above)) return true;
  }
}

module.exports = { useCompileCache };
