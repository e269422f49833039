/** How often it is looked whether this thread is held up. */
const LOOK_MS = 10;

let heldUpMs = 0;
let lookedMs = 0;
let users = 0;
let timer: NodeJS.Timeout | undefined;

function look(): void {
  const nowMs = performance.now();
  heldUpMs += Math.max(0, nowMs - lookedMs - 2 * LOOK_MS);
  lookedMs = nowMs;
}

/**
 * A watch that stands still while this thread is held up, by other cases' documents or because it gets no processor: what
 * has come meanwhile lies unread, and the wait for it is none of the server's. `stop` ends the looking.
 */
export function createWatch(): { nowMs(): number; stop(): void } {
  if (users === 0) {
    lookedMs = performance.now();
    timer = setInterval(look, LOOK_MS);
    timer.unref();
  }
  users += 1;
  let isStopped = false;
  return {
    nowMs: () => {
      look();
      return lookedMs - heldUpMs;
    },
    stop: () => {
      if (isStopped) return;
      isStopped = true;
      users -= 1;
      if (users === 0) clearInterval(timer);
    },
  };
}
