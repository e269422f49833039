import { setTimeout as pause } from "node:timers/promises";

/** The build is measured, as users run it: sources stripped of types as they load keep the stripper's memory. */
const dist = new URL("../dist/src/", import.meta.url);
const { bindingFolder, bindingNames, loadBinding } = (await import(
  new URL("cli/registry.js", dist).href
)) as typeof import("../src/cli/registry.ts");
const { startTarget } = (await import(new URL("targets/index.js", dist).href)) as typeof import("../src/targets/index.ts");

/** The reference server of playback, where everybody is who they say: the same for all that are compared. */
export interface RoomServer {
  readonly url: string;
  readonly pid: number;
  counts(): Promise<Counts>;
  /** Ids of new rooms. */
  makeRooms(count: number): Promise<readonly string[]>;
  stop(): Promise<void>;
}

/** What the server says of itself (`/metrics`). */
export interface Counts {
  readonly open: number;
  readonly received: number;
  readonly sent: number;
  readonly atMs: number;
}

const CREATOR = "bench-creator";
const ROOMS_AT_ONCE = 16;
const MEMBERS_MAX = 50;

export async function startRoomServer(): Promise<RoomServer> {
  const running = await startTarget({
    target: "playback",
    registry: { bindingFolder, bindingNames, loadBinding },
    purpose: "load",
    recipe: "none",
  });
  const url = running.resolved.urls[0];
  const makeRoom = async (index: number): Promise<string> => {
    const answer = await fetch(`${url}/rooms?user=${CREATOR}`, {
      method: "POST",
      body: JSON.stringify({ name: `bench-${index}`, maxParticipants: MEMBERS_MAX }),
      headers: { "content-type": "application/json" },
    });
    return ((await answer.json()) as { readonly roomId: string }).roomId;
  };
  return {
    url,
    pid: running.process?.pid ?? 0,
    async counts() {
      const text = await (await fetch(`${url}/metrics`)).text();
      const figure = (name: string): number => Number(new RegExp(`^${name} (\\S+)$`, "m").exec(text)?.[1] ?? 0);
      return {
        open: figure("connections_open"),
        received: figure("messages_in_total"),
        sent: figure("messages_out_total"),
        atMs: performance.now(),
      };
    },
    async makeRooms(count) {
      const rooms: string[] = [];
      let next = 0;
      const lane = async (): Promise<void> => {
        for (let index = next++; index < count; index = next++) rooms[index] = await makeRoom(index);
      };
      await Promise.all(Array.from({ length: ROOMS_AT_ONCE }, lane));
      return rooms;
    },
    stop: () => running.stop(),
  };
}

/** Asks once in `everyMs` until `holds`, at most `withinMs`; whether it came to hold. */
export async function waitFor(holds: () => Promise<boolean>, everyMs: number, withinMs: number): Promise<boolean> {
  const untilMs = performance.now() + withinMs;
  while (performance.now() < untilMs) {
    if (await holds()) return true;
    await pause(everyMs);
  }
  return false;
}
