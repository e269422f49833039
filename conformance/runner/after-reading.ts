/**
 * Acts once the time is over and what lies in the sockets by then has been read: a loop that was held up runs its timers
 * first, and a wait that ends there would have missed what had come in time.
 */
export function afterReading(act: () => void, ms: number): ReturnType<typeof setTimeout> {
  return setTimeout(() => setImmediate(() => setImmediate(act)), ms);
}
