/** Shares the event loop: expensive steps run while the present turn has time left, or wait for a later turn. */

/** The time of one turn for the steps of all calls together, in milliseconds; a step that has begun may end later. */
const TURN_MS = 2;

/** The waiting steps, first come, first served; one list, since there is one event loop. */
const waiting: (() => void)[] = [];
let turnStart = 0;
let isTurnOpen: boolean = false;
let isAwaited: boolean = false;
/** A step may go on but has not run yet. */
let isTaken: boolean = false;
/** Many times cheaper than `queueMicrotask`, which makes an asynchronous resource for each task. */
const ready = Promise.resolve();

/**
 * Returns whether a step may run at once. The caller runs it synchronously, or awaits `takeTurn`. Costs next to nothing,
 * because it needs no microtask.
 */
export function hasTurn(): boolean {
  if (!isTurnOpen) openTurn();
  return waiting.length === 0 && !isTaken && hasTime();
}

/** Returns the number of steps that wait for a later turn. */
export function waitingSteps(): number {
  return waiting.length;
}

/** Runs a step at once or in a later turn. */
export function runInTurn(step: () => void): void {
  if (hasTurn()) {
    step();
  } else {
    waiting.push(step);
    awaitTurn();
  }
}

/** Asks for time for an expensive step. Returns undefined if it may run at once; otherwise await the result first. */
export function takeTurn(): Promise<void> | undefined {
  if (hasTurn()) {
    isTaken = true;
    // A caller that awaits `undefined` runs in the next microtask, after the first of these.
    void ready.then(() => ready.then(goOn));
    return undefined;
  }
  return new Promise((resolve) => {
    waiting.push(resolve);
    awaitTurn();
  });
}

/** What the present turn ends with. */
let endings: (() => void)[] = [];

/**
 * Runs a step at the end of this turn, before the event loop looks for input again. Writes to sockets cost less one after
 * the other than between other work, and a client that waits for several of them is woken once.
 */
export function atTurnEnd(step: () => void): void {
  if (endings.push(step) === 1) setImmediate(endTurn);
}

function endTurn(): void {
  const steps = endings;
  endings = [];
  for (const step of steps) step();
}

function hasTime(): boolean {
  return performance.now() - turnStart < TURN_MS;
}

/** Starts a turn; it ends when immediates run. */
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
  // The released step runs before this microtask.
  void ready.then(goOn);
}

/** Releases one step after another, until the time is used up. */
function goOn(): void {
  isTaken = false;
  if (waiting.length > 0 && hasTime()) release();
}
