/** Shares the event loop: what costs much is done while the present turn has time left, or waits for one of the next. */

/** What all calls together may take of one turn, in milliseconds; a step that has begun then ends later. */
const TURN_MS = 2;

/** One event loop, one order: first come, first served. */
const waiting: (() => void)[] = [];
let turnStart = 0;
let isTurnOpen: boolean = false;
let isAwaited: boolean = false;

/** `undefined`: go on at once. Otherwise wait for it before the next step that costs much. */
export function takeTurn(): Promise<void> | undefined {
  if (!isTurnOpen) openTurn();
  if (waiting.length === 0 && performance.now() - turnStart < TURN_MS) return undefined;
  return new Promise((resolve) => {
    waiting.push(resolve);
    awaitTurn();
  });
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

/** One after another: whoever waits runs before the next microtask looks at the clock. */
function release(): void {
  waiting.shift()?.();
  if (waiting.length === 0) return;
  queueMicrotask(() => {
    if (performance.now() - turnStart < TURN_MS) release();
  });
}
