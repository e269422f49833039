import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import type { Contestant, Load } from "./contestants.ts";
import { prefer, type ProcessFigures } from "./process-tree.ts";
import { type RoomServer, startRoomServer, waitFor } from "./room-server.ts";

/** Beyond its ramp, for a contestant to start and to bring all its clients in; k6 loads its script once for each VU. */
const ARRIVAL_MS_MAX = 40_000;
const END_MS_MAX = 5000;

/** A contestant whose clients have all arrived. */
export interface Playing {
  readonly server: RoomServer;
  readonly pid: number;
  /** What it says is in `stdout` and `stderr` of it. */
  readonly folder: string;
  readonly hasEnded: () => boolean;
  /** Resolves once it has ended by itself, or `withinMs` have passed. */
  readonly ending: (withinMs: number) => Promise<unknown>;
}

/** Lets a contestant play against a server of its own, for as long as it takes to look at it; then both are ended. */
export async function play<T>(contestant: Contestant, load: Load, look: (playing: Playing) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), "rollcall-bench-"));
  const server = await startRoomServer();
  const child = await contestant.start({ url: server.url, load, folder, makeRooms: () => server.makeRooms(load.rooms) });
  const pid = child.pid ?? 0;
  const exit = once(child, "exit");
  const hasEnded = (): boolean => child.exitCode !== null;
  const ending = (withinMs: number): Promise<unknown> => Promise.race([exit, pause(withinMs, undefined, { ref: false })]);
  for (const leader of [server.pid, pid]) prefer(leader);
  try {
    const within = load.rampMs + ARRIVAL_MS_MAX;
    const arrived = await waitFor(async () => hasEnded() || (await server.counts()).open >= load.clients, 250, within);
    if (!arrived || hasEnded()) throw new Error(`only ${(await server.counts()).open} clients arrived: ${said(folder)}`);
    return await look({ server, pid, folder, hasEnded, ending });
  } finally {
    end(pid, hasEnded());
    await ending(END_MS_MAX);
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Ends the group that a contestant leads. */
function end(pid: number, hasEnded: boolean): void {
  if (pid === 0) return;
  try {
    process.kill(-pid, "SIGKILL");
  } catch (error) {
    if (!hasEnded) throw error;
  }
}

/** The last of what a contestant complained of. */
export function said(folder: string): string {
  return readFileSync(join(folder, "stderr"), "utf8").trim().slice(-500);
}

/** Ours has a process that mints and gathers beside its workers; the others hold their clients in one. */
export function holdsClients(contestant: Contestant, { command }: ProcessFigures): boolean {
  return contestant.name !== "ours" || command.includes("/cli/worker.");
}
