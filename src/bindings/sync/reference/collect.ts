import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/** Sockets that have gone since the last collection: each leaves some 7 KB behind. */
const GONE_MIN = 500;

/**
 * Gives back the memory of sockets that have gone; called again and again with how many that are in all. By itself V8
 * lets what a busy second has left behind lie until its heap has doubled, which from outside cannot be told from a leak.
 * A collection of this heap takes about 30 ms. Once no more go, one more gives the room of the young generation back to
 * the system, too: half of what the process has grown by.
 */
export function createCollector(): (goneTotal: number) => void {
  setFlagsFromString("--expose-gc");
  const collect: unknown = runInNewContext("gc");
  let collected = 0;
  let returned = 0;
  let before = 0;
  return (goneTotal) => {
    const isStill = goneTotal === before;
    before = goneTotal;
    if (typeof collect !== "function") return;
    if (isStill && goneTotal - returned >= GONE_MIN) {
      collected = returned = goneTotal;
      Reflect.apply(collect, undefined, [{ type: "major", flavor: "last-resort" }]);
    } else if (goneTotal - collected >= GONE_MIN) {
      collected = goneTotal;
      Reflect.apply(collect, undefined, []);
    }
  };
}
