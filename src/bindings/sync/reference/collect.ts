import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/** Sockets that have gone since the last collection: each leaves some 7 KB behind. */
const GONE_MIN = 500;

/**
 * Gives back the memory of sockets that have gone. By itself V8 lets what a busy second has left behind lie until its
 * heap has doubled, which from outside cannot be told from a leak. A collection of this heap takes about 30 ms.
 */
export function createCollector(): (goneTotal: number) => void {
  setFlagsFromString("--expose-gc");
  const collect: unknown = runInNewContext("gc");
  let collected = 0;
  return (goneTotal) => {
    if (goneTotal - collected < GONE_MIN || typeof collect !== "function") return;
    collected = goneTotal;
    Reflect.apply(collect, undefined, []);
  };
}
