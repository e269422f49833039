/**
 * How far the harness may fall behind. Past any of these bounds what was measured may be our own delay, and the run
 * judges nothing that rests on time: it is inconclusive.
 */
export const HARNESS_BOUNDS = {
  /** A send that waits longer than this for its turn is late; people notice from about 100 ms on. */
  sendLagMs: 50,
  /** Share of the planned acts that may be late, or be left over when the time is up: p99 must not be of our making. */
  lateShare: 0.01,
  /** Share of the planned acts that may be dropped because their clients are not in their rooms. */
  droppedShare: 0.01,
  /** Share of the clients that may never come into their rooms. */
  absentShare: 0.01,
  /** The event loop's lag at p99, the same as for a send: it delays what is received as much. */
  loopLagMsP99: 50,
  /** Of one core. A process above this has a queue that only grows. */
  cpu: 0.95,
  /** Share of the time that the garbage collector may take; V8 in good order takes 1 to 3 %. */
  gcShare: 0.1,
  /** The longest single pause: all clients of the worker stand still for it, and few objectives allow more. */
  gcMsMax: 250,
} as const;
