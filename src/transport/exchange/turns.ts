/** Shares the event loop: what costs much is done while the present turn has time left, or waits for one of the next. */

/** What all calls together may take of one turn, in milliseconds; a step that has begun then ends later. */
const TURN_MS = 2;

/** One event loop, one order: first come, first served. */
const waiting: (() => void)[] = [];
let turnStart = 0;
let isTurnOpen: boolean = false;
let isAwaited: boolean = false;
/** Somebody was told to go on and has not worked yet. */
let isTaken: boolean = false;

/** `undefined`: go on at once. Otherwise wait for it before the next step that costs much. */
export function takeTurn(): Promise<void> | undefined {
  if (!isTurnOpen) openTurn();
  if (waiting.length === 0 && !isTaken && hasTime()) {
    isTaken = true;
    // Whoever awaits `undefined` works in the next microtask, after the first of these.
    queueMicrotask(() => queueMicrotask(goOn));
    return undefined;
  }
  return new Promise((resolve) => {
    waiting.push(resolve);
    awaitTurn();
  });
}

function hasTime(): boolean {
  return performance.now() - turnStart < TURN_MS;
}

/** The present turn ends when immediates run. */
function openTurn(): void {
  isTurnOpen = true;
  turnStart = performance.now();
  awaitTurn();
}

function awaitTurn(): void {
  if (isAwaited) return;
  isAwaited = true;
  setImmediate(() => {
    isAwaited = false;
    isTurnOpen = false;
    if (waiting.length > 0) {
      openTurn();
      release();
    }
  });
}

function release(): void {
  isTaken = true;
  waiting.shift()?.();
  // Whoever waited works before this microtask runs.
  queueMicrotask(goOn);
}

/** One after another, until the time is used up. */
function goOn(): void {
  isTaken = false;
  if (waiting.length > 0 && hasTime()) release();
}
