import type { CheckerOutcome } from "../../core/checker.ts";
import type { Ledger } from "../../core/ledger.ts";
import type { Detail } from "../../core/observation.ts";
import type { Step } from "../../core/scenario.ts";
import type { Credential } from "../../core/session.ts";
import { urlOfMember } from "../../load/shares.ts";
import { ShardAnew } from "./shard-anew.ts";
import { ShardFaults } from "./shard-faults.ts";
import { observed } from "./observed.ts";
import { ShardFigures } from "./shard-figures.ts";
import { askLatecomers } from "./shard-latecomers.ts";
import { createCast, elsewhereOf, type Player } from "./shard-player.ts";
import { ShardRooms } from "./shard-rooms.ts";
import { waitUntil } from "./wait-until.ts";
import type { ShardOptions, ShardResult } from "./shard-types.ts";
import type { Alarms } from "./surroundings.ts";

/** quiet means nothing outstanding and nothing arrived for a second; waited for at most 10 s. */
const QUIET_MS = 1000;
const QUIESCE_MS_MAX = 10_000;

/** An answer to a read comes within 5 s, or never. */
const READ_MS_MAX = 5000;

/** Reads use ids apart from writes, whose id is the marker's counter. */
const READ_IDS_FROM = 1_000_000_000;

/**
 * A step may go out this much before its time, and then counts from when it did. The wheel turns every 1.1 ms on a grid
 * of 1 ms: waiting for the turn behind the planned time would add 1 to 2 ms of our own to every latency.
 */
const LEAD_MS = 2;

/** A server that is started again takes seconds; one that never is, is no reason to wait for ever. */
const HEALED_MS_MAX = 40_000;

/** Sessions try again after 1, 2, 4 s …: who has not come back by then has not come back. */
const BACK_MS_MAX = 20_000;

/** How often it is looked whether all is well again. */
const LOOK_MS = 50;

/** Ids of writes are their counters; a session's own acts have ids below 0. */
function isWrite(op: number): boolean {
  return op > 0 && op < READ_IDS_FROM;
}

/** Plays one shard of a scenario; resolves once the run is quiet and judged. Throws only HarnessError. */
export async function runShard(options: ShardOptions): Promise<ShardResult> {
  const shard = new Shard(options);
  try {
    return await shard.play();
  } finally {
    shard.stop();
  }
}

class Shard {
  readonly #options: ShardOptions;
  readonly #alarms: Alarms;
  readonly #players: readonly Player[];
  readonly #rooms: ShardRooms;
  readonly #ledger: Ledger;
  readonly #figures: ShardFigures;
  readonly #faults: ShardFaults | undefined;
  readonly #anew: ShardAnew;
  /** Index of the URL that each client uses. */
  readonly #urlByClient = new Map<number, number>();
  #originMs = 0;
  #joined = 0;
  #isPlaying = false;

  constructor(options: ShardOptions) {
    this.#options = options;
    this.#alarms = options.surroundings.alarms();
    this.#figures = new ShardFigures(options.surroundings);
    const { faults, surroundings } = options;
    const urlOf = (client: number): number => this.#urlByClient.get(client) ?? 0;
    const nowMs = (): number => surroundings.nowMs();
    this.#faults = faults === undefined ? undefined : new ShardFaults(faults, urlOf, nowMs, () => this.#forgotten());
    const cast = createCast(options);
    this.#players = cast.players;
    this.#rooms = new ShardRooms(options, cast, this.#alarms);
    const join = (player: Player, atMs: number): Promise<void> => this.#join(player, atMs);
    this.#anew = new ShardAnew({ options, alarms: this.#alarms, rooms: this.#rooms, nowMs, join });
    this.#ledger = options.ledger(
      cast.players.length,
      (latencyMs) => this.#figures.deliveredAfter(latencyMs),
      options.share?.by === "members" ? elsewhereOf(cast, this.#rooms) : undefined,
    );
  }

  stop(): void {
    this.#alarms.stop();
    this.#figures.stop();
    for (const player of this.#players) player.node?.stop();
  }

  async play(): Promise<ShardResult> {
    const { parameters, signal, together } = this.#options;
    this.#originMs = together?.startMs ?? this.#nowMs() + 100;
    this.#isPlaying = true;
    for (const player of this.#players) {
      player.alarm = this.#alarms.create((nowMs) => this.#advance(player, nowMs));
      if (player.step !== undefined) player.alarm.set(this.#originMs + player.step.atMs - LEAD_MS);
    }
    const endMs = this.#originMs + parameters.rampMs + parameters.durationMs;
    const stopSeconds = this.#options.surroundings.every(1000, () => this.#reportSecond());
    const stopLooking = this.#faults === undefined ? () => {} : this.#options.surroundings.every(LOOK_MS, () => this.#look());
    let wallFromMs = this.#nowMs();
    try {
      await this.#waitUntil(() => this.#nowMs() >= this.#originMs + parameters.rampMs, this.#originMs + parameters.rampMs + 1000);
      wallFromMs = this.#nowMs();
      this.#figures.resetPace();
      await this.#waitUntil(() => this.#nowMs() >= endMs, endMs + 1000);
      const wallMs = this.#nowMs() - wallFromMs;
      this.#isPlaying = false;
      const { loopLagMsP99, cpuMs, residentBytes } = this.#figures.own();
      const pace = this.#figures.pace(signal.aborted ? 0 : this.#unsent(endMs));
      if (!signal.aborted) {
        await this.#recover();
        await this.#quiesce();
        if (together !== undefined) {
          await together.meet("quiet");
          // Others may have written until now.
          await this.#quiesce();
        }
        await this.#compareFinalStates();
        if (this.#faults !== undefined) await this.#askLatecomers();
      }
      this.#reportSecond();
      // Judged while all are still there: a room that outlives its life is told by those in it.
      const outcomes = this.#judge();
      if (!signal.aborted) await together?.meet("read");
      // Looked at before all leave: who leaves is not missed.
      const faultsSeen = this.#faultsSeen();
      for (const player of this.#players) this.#leave(player);
      return {
        clients: this.#players.length,
        rooms: this.#rooms.size,
        outcomes,
        ...this.#figures.totals(),
        actMs: wallMs,
        loopLagMsP99,
        cpu: cpuMs / Math.max(1, wallMs),
        residentBytes,
        interrupted: signal.aborted,
        pace,
        ...faultsSeen,
      };
    } finally {
      stopLooking();
      stopSeconds();
    }
  }

  /** Acts planned before `endMs` whose turn did not come. */
  #unsent(endMs: number): number {
    let unsent = 0;
    for (const player of this.#players) {
      for (; player.step !== undefined && this.#originMs + player.step.atMs <= endMs; player.step = player.script.next())
        if (player.step.kind === "act") unsent += 1;
    }
    return unsent;
  }

  #advance(player: Player, nowMs: number): void {
    while (this.#isPlaying && player.step !== undefined && this.#originMs + player.step.atMs <= nowMs + LEAD_MS) {
      const step = player.step;
      player.step = player.script.next();
      this.#perform(player, step, Math.min(this.#originMs + step.atMs, nowMs), nowMs);
    }
    if (player.step !== undefined && this.#isPlaying) player.alarm?.set(this.#originMs + player.step.atMs - LEAD_MS);
  }

  #perform(player: Player, step: Step, plannedMs: number, nowMs: number): void {
    switch (step.kind) {
      case "join":
        void this.#join(player, plannedMs);
        return;
      case "leave":
        this.#leave(player);
        return;
      case "cut":
        player.isLeaving = true;
        player.node?.cut();
        return;
      case "read":
        this.#read(player, plannedMs);
        return;
      case "keepalive":
        player.node?.invoke({ kind: "keepalive", id: READ_IDS_FROM + player.reads++, plannedMs });
        return;
      case "presence":
        this.#figures.begun(nowMs - plannedMs);
        this.#show(player, step.name, plannedMs);
        return;
      case "act":
        this.#figures.begun(nowMs - plannedMs);
        this.#write(player, step.name, plannedMs, nowMs);
    }
  }

  #write(player: Player, name: string, plannedMs: number, nowMs: number): void {
    const mayWrite = player.isJoined || (this.#options.writesOffline && player.hasJoined);
    if (!mayWrite || player.node === undefined) {
      this.#dropped(nowMs);
      return;
    }
    player.writes += 1;
    const n = player.writes;
    this.#figures.sent();
    this.#ledger.invoked(player.slot, n, plannedMs, nowMs);
    this.#figures.confirmations.asked(player.slot, n, plannedMs);
    const value = this.#options.operations.make(name, player.prng);
    player.node.invoke({
      kind: "write",
      id: n,
      plannedMs,
      value,
      marker: { run: this.#options.run, author: player.index, n, intact: true },
    });
  }

  /** An act whose client is not in its room. */
  #dropped(nowMs: number): void {
    if (this.#faults?.isUpset(nowMs) === true) this.#figures.upset();
    else this.#figures.dropped();
  }

  #show(player: Player, name: string, plannedMs: number): void {
    if (!player.isJoined || player.node === undefined) {
      this.#dropped(plannedMs);
      return;
    }
    this.#figures.sent();
    const value = this.#options.operations.make(name, player.prng);
    player.node.invoke({ kind: "presence", id: READ_IDS_FROM + player.reads++, plannedMs, value });
  }

  #read(player: Player, plannedMs: number): void {
    if (!player.isJoined) return;
    const id = READ_IDS_FROM + player.reads++;
    // What is asked when all is over is no part of the load.
    if (!player.isAskedForFinal) this.#figures.answers.asked(player.slot, id, plannedMs);
    player.node?.invoke({ kind: "read", id, plannedMs });
  }

  async #join(player: Player, plannedMs: number): Promise<void> {
    const { options } = this;
    player.startedMs = plannedMs;
    player.isLeaving = false;
    player.isRefused = false;
    player.isTurnedAway = false;
    player.hasJoined = false;
    let first: Credential | undefined;
    const credential = async (): Promise<Credential> => {
      const minted = first ?? (await options.credential(player.index));
      first = undefined;
      return minted;
    };
    try {
      first = await options.credential(player.index);
      player.room = await this.#rooms.room(player.script.room, first);
    } catch (error) {
      this.#figures.joinFailed(error instanceof Error ? error.message : String(error));
      return;
    }
    if (!this.#isPlaying && player.anew === 0) return;
    // One that comes back by itself would be the same client twice.
    player.node?.stop();
    const { session } = options.scenario;
    const url = urlOfMember(options.urls, player.index, player.room, options.target.urls.length);
    this.#urlByClient.set(player.index, url);
    const via = this.#faults?.viaOf(player.index);
    const node = options.surroundings.client({
      session: options.session({
        room: player.room,
        basePath: options.target.basePath,
        dialect: options.target.dialect,
        prng: player.prng.fork(`session-${plannedMs}`),
        keepaliveMs: session.keepalive && options.keepaliveMs !== undefined ? options.keepaliveMs / options.target.timeScale : undefined,
        // Whoever loses the connection by a fault is to come back.
        reconnect: session.reconnect || this.#faults !== undefined,
        readOnJoin: session.readOnJoin,
        history: session.history ?? false,
        presence: session.presence ?? false,
        run: options.run,
      }),
      url: options.target.urls[url] ?? options.target.urls[0],
      legs: options.target.legs,
      headers: options.target.headers,
      ca: options.target.ca,
      alarms: this.#alarms,
      credential,
      http: async (request) => options.http(request, await credential(), via),
      observe: (detail, atMs) => {
        if (player.node === node) this.#observe(player, detail, atMs);
      },
      lost: (atMs) => {
        if (player.node === node) player.isOffline = true;
        if (player.node === node && !player.isLeaving && this.#isPlaying) this.#faults?.noticed(player.index, atMs);
      },
      regained: () => {
        if (player.node === node) player.isOffline = false;
      },
      via,
      slot: player.slot,
      ledger: this.#ledger,
    });
    player.node = node;
    node.start();
  }

  #leave(player: Player): void {
    player.isLeaving = true;
    if (player.isJoined) player.node?.invoke({ kind: "leave", id: READ_IDS_FROM + player.reads++, plannedMs: this.#nowMs() });
  }

  #observe(player: Player, detail: Detail, atMs: number): void {
    if (detail.kind === "problem" && detail.reason === "silent" && this.#faults?.isUpset(atMs) === true) {
      this.#faults.noticed(player.index, atMs);
      return;
    }
    this.#options.panel.observe(observed(this.#told(player, detail), atMs, player.index, player.room));
    switch (detail.kind) {
      case "lifecycle":
        if (detail.event === "joined") {
          if (!player.isJoined) this.#joined += 1;
          player.isTurnedAway = false;
          player.isJoined = true;
          player.hasJoined = true;
          player.isHeld = true;
          this.#figures.joinedAfter(atMs - player.startedMs, detail.past ?? 0);
          this.#figures.cameBy(player.index, this.#urlByClient.get(player.index) ?? 0);
          this.#ledger.joined(player.slot, player.index, player.room, atMs);
        }
        return;
      case "disconnected":
        this.#disconnected(player, detail, atMs);
        return;
      case "snapshot":
        if (detail.op !== undefined) this.#figures.answers.answered(player.slot, detail.op, atMs);
        this.#ledger.snapshot(player.slot, detail.marker, atMs);
        if (player.isAskedForFinal && this.#options.scenario.session.readOnJoin) this.#ledger.finalState(player.slot, detail.marker);
        player.isAskedForFinal = false;
        return;
      case "accepted":
        this.#figures.confirmations.answered(player.slot, detail.op, atMs);
        if (isWrite(detail.op)) this.#ledger.accepted(player.slot, detail.op, detail.position, atMs);
        return;
      case "rejected":
        if (!player.isJoined) {
          player.isRefused = true;
          if (this.#isTurnedAway(player, atMs)) this.#turnedAway(player, detail.code);
          else this.#figures.joinFailed(`${detail.code} ${detail.text}`);
        } else if (detail.op !== undefined && isWrite(detail.op)) this.#ledger.rejected(player.slot, detail.op);
        return;
      case "problem":
      case "connected":
      case "invoked":
      case "delivered":
      case "recalled":
      case "presence":
      case "signal":
    }
  }

  /** An observation with what only the engine knows: since when it tried, and whether the end is its own doing. */
  #told(player: Player, detail: Detail): Detail {
    if (detail.kind === "connected") return { ...detail, startedMs: player.startedMs };
    if (detail.kind === "disconnected")
      return { ...detail, wanted: detail.wanted || player.isLeaving || !this.#isPlaying || this.#isExcused(detail.code) };
    return detail;
  }

  #isExcused(code: number): boolean {
    return this.#faults?.excuses(code, this.#nowMs()) ?? false;
  }

  #forgotten(): void {
    this.#ledger.restarted();
    this.#anew.forgotten(this.#players);
  }

  /** Whether everybody who has been in a room, and did not leave it, is in it. */
  #isAllBack(): boolean {
    return this.#missing() === 0;
  }

  #missing(): number {
    let missing = 0;
    for (const { isHeld, isJoined, isOffline, isLeaving } of this.#players)
      if (isHeld && (!isJoined || isOffline) && !isLeaving) missing += 1;
    return missing;
  }

  #look(): void {
    this.#faults?.look(
      this.#nowMs(),
      () => this.#isAllBack(),
      (beforeMs) => this.#ledger.isQuiet(beforeMs),
    );
  }

  /** Waits until all is healed, and everybody back. */
  async #recover(): Promise<void> {
    const faults = this.#faults;
    if (faults === undefined) return;
    await this.#waitUntil(() => faults.isHealed, this.#nowMs() + HEALED_MS_MAX);
    await this.#waitUntil(() => this.#isAllBack(), this.#nowMs() + BACK_MS_MAX);
  }

  #faultsSeen(): Pick<ShardResult, "faults" | "upset" | "missing"> {
    if (this.#faults === undefined) return {};
    return { faults: this.#faults.seen(this.#originMs, this.#nowMs()), upset: this.#figures.upsetActs, missing: this.#missing() };
  }

  #askLatecomers(): Promise<void> {
    const { options } = this;
    return askLatecomers({
      shard: options,
      alarms: this.#alarms,
      rooms: this.#rooms.ids,
      observe: (observation) => options.panel.observe(observation),
    });
  }

  #disconnected(player: Player, detail: Extract<Detail, { kind: "disconnected" }>, atMs: number): void {
    if (player.isJoined) {
      this.#joined -= 1;
      this.#ledger.left(player.slot, atMs);
    } else if (!player.isLeaving && !player.isRefused && this.#faults?.isUpset(atMs) !== true)
      this.#figures.joinFailed(`closed with ${detail.code} ${detail.reason} before the join was confirmed`);
    if (player.isTurnedAway) this.#anew.turnedAway(player, { closed: detail.code });
    player.isTurnedAway = false;
    player.isJoined = false;
    player.startedMs = atMs;
  }

  /** A refusal that a server's restart may have caused; who came anew once may be refused after its time, too. */
  #isTurnedAway(player: Player, atMs: number): boolean {
    return this.#faults?.hasRestarted === true && (player.anew > 0 || this.#faults.isUpset(atMs));
  }

  /** A refused upgrade has no close after it. A credential that could not be had is no refusal: the session comes back by itself. */
  #turnedAway(player: Player, code: string): void {
    const status = /^http-(\d+)$/.exec(code)?.[1];
    if (status !== undefined) this.#anew.turnedAway(player, { status: Number(status) });
    else player.isTurnedAway = code !== "credential";
  }

  #reportSecond(): void {
    const t = Math.max(0, Math.round((this.#nowMs() - this.#originMs) / 1000));
    this.#options.onSecond(this.#figures.takeSecond(t, this.#joined));
  }

  async #quiesce(): Promise<void> {
    const limitMs = this.#nowMs() + QUIESCE_MS_MAX;
    let quietFromMs = Infinity;
    let seen = -1;
    await this.#waitUntil(() => {
      const nowMs = this.#nowMs();
      const total = this.#figures.delivered;
      if (total !== seen || !this.#ledger.isQuiet()) quietFromMs = nowMs;
      seen = total;
      return nowMs - quietFromMs >= QUIET_MS;
    }, limitMs);
  }

  /** After the run is quiet every member asks for the state: it must hold the last write that members received. */
  async #compareFinalStates(): Promise<void> {
    // After faults members are asked whatever the scenario: who comes in later must be shown the same.
    if (!this.#options.scenario.session.readOnJoin && this.#faults === undefined) return;
    const asked = this.#players.filter((player) => player.isJoined);
    for (const player of asked) {
      player.isAskedForFinal = true;
      this.#read(player, this.#nowMs());
    }
    await this.#waitUntil(() => asked.every((player) => !player.isAskedForFinal || !player.isJoined), this.#nowMs() + READ_MS_MAX);
  }

  #judge(): readonly CheckerOutcome[] {
    const nowMs = this.#nowMs();
    return [...this.#ledger.finish(nowMs), ...this.#options.panel.finish(nowMs)];
  }

  get options(): ShardOptions {
    return this.#options;
  }

  #waitUntil(holds: () => boolean, limitMs: number): Promise<void> {
    return waitUntil(holds, limitMs, this.#options.signal, this.#options.surroundings);
  }

  #nowMs(): number {
    return this.#options.surroundings.nowMs();
  }
}
