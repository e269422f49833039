import type { Detail, Delivered } from "../../core/observation.ts";
import type { Frame, HttpRequest, Outbox, Session } from "../../core/session.ts";
import { readClientFrame } from "./codec.ts";
import type { PlaybackState, PlayOut } from "./messages.ts";

/** One effect of a session, as data. */
export type Effect =
  | {
      readonly effect: "connect";
      readonly path: string;
      readonly protocols: readonly string[];
      readonly headers: Readonly<Record<string, string>>;
    }
  | { readonly effect: "send"; readonly frame: Frame }
  | { readonly effect: "close"; readonly code: number; readonly reason: string }
  | { readonly effect: "http"; readonly tag: string; readonly request: HttpRequest }
  | { readonly effect: "needCredential"; readonly tag: string }
  | { readonly effect: "wakeAt"; readonly atMs: number }
  | { readonly effect: "observe"; readonly detail: Detail }
  | { readonly effect: "delivered"; readonly delivery: Delivered; readonly decoded: unknown; readonly shared: boolean };

/** An outbox that keeps what it is given. */
export class Recorder implements Outbox {
  readonly effects: Effect[] = [];

  connect(path: string, protocols: readonly string[], headers: Readonly<Record<string, string>>): void {
    this.effects.push({ effect: "connect", path, protocols, headers });
  }

  send(frame: Frame): void {
    this.effects.push({ effect: "send", frame });
  }

  close(code: number, reason: string): void {
    this.effects.push({ effect: "close", code, reason });
  }

  http(tag: string, request: HttpRequest): void {
    this.effects.push({ effect: "http", tag, request });
  }

  needCredential(tag: string): void {
    this.effects.push({ effect: "needCredential", tag });
  }

  wakeAt(atMs: number): void {
    this.effects.push({ effect: "wakeAt", atMs });
  }

  observe(detail: Detail): void {
    this.effects.push({ effect: "observe", detail });
  }

  delivered(delivery: Delivered, decoded: unknown, shared: boolean): void {
    this.effects.push({ effect: "delivered", delivery, decoded, shared });
  }

  /** The observations so far, deliveries among them. */
  get seen(): readonly Detail[] {
    return this.effects.flatMap((each) => (each.effect === "observe" ? [each.detail] : each.effect === "delivered" ? [each.delivery] : []));
  }

  get sent(): readonly Frame[] {
    return this.effects.flatMap((each) => (each.effect === "send" ? [each.frame] : []));
  }

  /** The alarm as last set. */
  get alarmMs(): number {
    return this.effects.reduce((atMs, each) => (each.effect === "wakeAt" ? each.atMs : atMs), Infinity);
  }
}

interface Member {
  readonly user: string;
  readonly session: Session;
  readonly out: Recorder;
  /** Effects of this member that are carried out already. */
  done: number;
  isOpen: boolean;
}

/** Effects carried out before a run counts as endless: a session that answers every frame with a frame. */
const STEPS_MAX = 100_000;

/**
 * One room and its members, joined to sessions with no socket between them: what a session sends is handed to the room, and
 * what the room says to the sessions, in rounds. Time stands where the caller puts it. Not the reference server: as little
 * as a session needs to live.
 */
export class MemoryServer {
  nowMs = 0;
  readonly room: string;
  readonly #members: Member[] = [];
  #state: PlaybackState;

  constructor(room: string) {
    this.room = room;
    this.#state = {
      mediaUrl: "",
      mediaType: "",
      isPlaying: false,
      currentTime: 0,
      playbackSpeed: 1,
      lastUpdatedBy: "nobody",
      lastUpdated: this.#timeText(),
    };
  }

  /** Starts a session as a member of the room; gives what it records. */
  add(user: string, session: Session): Recorder {
    const out = new Recorder();
    this.#members.push({ user, session, out, done: 0, isOpen: false });
    session.start(this.nowMs, out);
    this.settle();
    return out;
  }

  /** Moves the time on and rings the alarms that are due, in the order of the members. */
  pass(ms: number): void {
    this.nowMs += ms;
    for (const member of this.#members) if (member.out.alarmMs <= this.nowMs) member.session.wake(this.nowMs, member.out);
    this.settle();
  }

  /** Cuts a member's connection. */
  cut(user: string): void {
    for (const member of this.#members) if (member.user === user && member.isOpen) this.#gone(member, 1006, "cut");
    this.settle();
  }

  /** Carries out what the sessions asked for until none asks for more. */
  settle(): void {
    for (let steps = 0; steps < STEPS_MAX; steps += 1) {
      const member = this.#members.find((each) => each.done < each.out.effects.length);
      if (member === undefined) return;
      const effect = member.out.effects[member.done];
      member.done += 1;
      if (effect !== undefined) this.#carryOut(member, effect);
    }
    throw new RangeError("the sessions never come to rest");
  }

  #carryOut(member: Member, effect: Effect): void {
    switch (effect.effect) {
      case "needCredential":
        member.session.reply(
          effect.tag,
          { user: member.user, headers: {}, query: { user: member.user }, protocols: [] },
          this.nowMs,
          member.out,
        );
        return;
      case "connect":
        member.session.opened(this.nowMs, member.out);
        this.#enter(member, effect.path);
        return;
      case "send":
        if (member.isOpen) this.#receive(member, effect.frame);
        return;
      case "close":
        if (member.isOpen) this.#gone(member, effect.code, effect.reason);
        return;
      case "http":
      case "wakeAt":
      case "observe":
      case "delivered":
        return;
    }
  }

  #enter(member: Member, path: string): void {
    if (!path.startsWith(`/rooms/${this.room}/ws?`)) {
      this.#tell(member, { type: "ERROR", payload: "Room not found" });
      member.session.closed(4404, "", this.nowMs, member.out);
      return;
    }
    member.isOpen = true;
    this.#tellAll({ type: "USER_JOINED", payload: { userId: member.user, memberCount: this.#open().length } });
  }

  #receive(member: Member, frame: Frame): void {
    const parsed = readClientFrame(frame);
    if (!parsed.ok) {
      this.#tell(member, { type: "ERROR", payload: parsed.problem });
      return;
    }
    if (parsed.value.type === "SYNC_REQUEST") this.#sync(member);
    if (parsed.value.type === "UPDATE_PLAYBACK") {
      this.#state = { ...this.#state, ...parsed.value.payload, lastUpdatedBy: member.user, lastUpdated: this.#timeText() };
      this.#tellAll({ type: "PLAYBACK_UPDATED", payload: this.#state });
    }
  }

  #sync(member: Member): void {
    const members = this.#open().map((each) => each.user);
    const payload = {
      roomId: this.room,
      name: "memory",
      hostId: members[0] ?? "",
      isPublic: true,
      maxParticipants: 10,
      createdAt: "1970-01-01T00:00:00.000Z",
      members,
      playbackState: this.#state,
    };
    this.#tell(member, { type: "SYNC_FULL_STATE", payload });
  }

  #gone(member: Member, code: number, reason: string): void {
    member.isOpen = false;
    member.session.closed(code, reason, this.nowMs, member.out);
    this.#tellAll({ type: "USER_LEFT", payload: { userId: member.user, memberCount: this.#open().length } });
  }

  #open(): readonly Member[] {
    return this.#members.filter((member) => member.isOpen);
  }

  #tell(member: Member, message: PlayOut): void {
    member.session.frame(JSON.stringify(message), this.nowMs, member.out);
  }

  #tellAll(message: PlayOut): void {
    for (const member of this.#open()) this.#tell(member, message);
  }

  #timeText(): string {
    return `1970-01-01T00:00:${(this.nowMs / 1000).toFixed(3).padStart(6, "0")}Z`;
  }
}
