// The bounds for the memory of the service, and the restart of the command under them.
"use strict";

const { setFlagsFromString } = require("node:v8");

/**
 * The young generation: with 1 MiB a call costs 40 % more CPU time than with 8, and with 16 as much. A larger one costs
 * memory, and a longer pause when all in it lives on, as large lists do: 16 to 22 ms with 16 MiB.
 */
const YOUNG = "--max-semi-space-size";
/**
 * How far the heap may grow before V8 looks for what is dead. By default it may double. Under calls of gRPC a collection of
 * the whole heap pauses the thread: 30 to 67 ms on one core, about 23 of them to free the values of headers, which Node
 * makes outside of the heap. With 25 percent V8 marks twice as often, and the memory after every kind of load is not less.
 * One thread for V8's helpers saves neither; marking without them costs 100 MiB.
 */
const GROWTH = "--heap-growing-percent";
/**
 * Else V8 makes what lived a little longer at some moment among the old objects from then on: under load the streams of
 * HTTP/2, with all that refers to them. That costs a call a fifth more CPU time, and a hundredth of them 40 ms.
 */
const PRETENURING = "--no-allocation-site-pretenuring";
const NODE_OPTIONS = [`${YOUNG}=8`, `${GROWTH}=50`, PRETENURING];

/** Else glibc gives each thread an arena of its own and keeps them all. With a single one the threads wait for each other. */
const MALLOC_ARENAS = { MALLOC_ARENA_MAX: "2" };

/**
 * Replaces this process by the same command under these bounds, because neither V8 nor glibc takes them later. It costs as
 * long as Node takes to begin, so only the service does it. What the caller sets itself stays as it is. A process that its
 * parent talks to keeps its channel, and one that may start no program starts none: both go on without the bounds.
 */
function boundMemory() {
  // V8 takes an option with underscores too.
  const given = `${process.env.NODE_OPTIONS ?? ""} ${process.execArgv.join(" ")}`.replaceAll("_", "-");
  const missing = NODE_OPTIONS.filter((option) => !given.includes(option.split("=")[0]));
  if (missing.length > 0 && canReplaceItself()) {
    const words = [process.execPath, ...missing, ...process.execArgv, ...process.argv.slice(1)];
    process.execve(process.execPath, words, { ...MALLOC_ARENAS, ...process.env });
  }
  // This thread's heap is made. Threads to come get what they ask for, which the option would override.
  setFlagsFromString(`${YOUNG}=0`);
}

function canReplaceItself() {
  if (process.execve === undefined || process.platform === "win32" || process.channel !== undefined) return false;
  return process.permission === undefined || process.permission.has("child");
}

module.exports = { boundMemory, NODE_OPTIONS };
