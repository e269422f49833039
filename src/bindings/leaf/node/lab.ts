import { type Breach, type CaseContext, type CaseUser, Precondition } from "../../../core/case.ts";
import type { RequirementId } from "../../../core/ids.ts";
import { requirementId } from "../../../core/ids.ts";
import type { Reason } from "../../../core/reason.ts";
import type { CborMap, CborValue } from "../dag-cbor.ts";
import { type ChatEvent, encodeEvent } from "../events.ts";
import { tokenOf } from "../link.ts";
import { type BasicModule, cidField, type LeafQuery, moduleToCbor, queryToCbor, type Row, rowsOf, textField } from "../messages.ts";
import { REFERENCE_MODULE } from "../reference-module.ts";
import { type Answer, LeafSocket } from "./socket.ts";

/** `ORD-01` for `LEAF-ORD-01`. */
export function id(short: string): RequirementId {
  return requirementId(`LEAF-${short}`);
}

/** A query without parameters and window. */
export function ask(name: string, more: Partial<LeafQuery> = {}): LeafQuery {
  return { name, params: {}, ...more };
}

/** What the cases of this binding work with: sockets, streams, appends. All sockets are closed at the end. */
export class Lab {
  readonly t: CaseContext;
  readonly #sockets: LeafSocket[] = [];
  #events = 0;

  constructor(t: CaseContext) {
    this.t = t;
  }

  /** A connection that shows this token (none: anonymous), answered or not. */
  async connect(token: string | undefined, url: string = this.t.target.urls[0], onlyCounts: boolean = false): Promise<LeafSocket> {
    const socket = new LeafSocket({ url, headers: this.t.target.headers, token, nowMs: () => this.t.nowMs(), onlyCounts });
    this.#sockets.push(socket);
    await socket.signedIn();
    return socket;
  }

  async token(user: CaseUser): Promise<string> {
    const token = tokenOf(await this.t.credential(user));
    if (token === undefined) throw new Precondition("the target's users have no token");
    return token;
  }

  /** A signed-in socket of the user. @throws Precondition when the server does not let it in. */
  async signIn(user?: CaseUser, url?: string): Promise<LeafSocket> {
    const socket = await this.connect(await this.token(user ?? (await this.t.user())), url);
    if (socket.did === undefined || socket.did === null)
      throw new Precondition(`a user could not sign in: ${socket.refusal ?? "no answer"}`);
    return socket;
  }

  signInMany(count: number): Promise<readonly LeafSocket[]> {
    return Promise.all(Array.from({ length: count }, () => this.signIn()));
  }

  async upload(socket: LeafSocket, module: BasicModule): Promise<CborValue> {
    const answer = await socket.call("module/upload", { module: moduleToCbor(module) });
    const cid = answer.ok ? cidField(answer.value, "moduleCid") : undefined;
    if (cid === undefined) throw new Precondition(`a module could not be uploaded: ${answer.ok ? "no CID" : answer.error}`);
    return cid;
  }

  /** A fresh stream of the socket's user. @throws Precondition when it cannot be made. */
  async stream(socket: LeafSocket, module: BasicModule = REFERENCE_MODULE): Promise<string> {
    const answer = await socket.call("stream/create", { moduleCid: await this.upload(socket, module) });
    const did = answer.ok ? textField(answer.value, "streamDid") : undefined;
    if (did === undefined) throw new Precondition(`a stream could not be made: ${answer.ok ? "no DID" : answer.error}`);
    return did;
  }

  /** A post with a fresh id. */
  post(more: Partial<ChatEvent> = {}): ChatEvent {
    this.#events += 1;
    return {
      eid: `${this.t.run}-${this.t.prng.below(1e9)}-${this.#events}`,
      kind: "post",
      room: "general",
      body: `message ${this.#events}`,
      ...more,
    };
  }

  append(socket: LeafSocket, streamDid: string, events: readonly (ChatEvent | Uint8Array)[], more: CborMap = {}): Promise<Answer> {
    const payloads = events.map((event) => (event instanceof Uint8Array ? event : encodeEvent(event)));
    return socket.call("stream/event_batch", { streamDid, events: payloads, ...more });
  }

  appendState(socket: LeafSocket, streamDid: string, events: readonly Uint8Array[], more: CborMap = {}): Promise<Answer> {
    return socket.call("stream/state_event_batch", { streamDid, events, ...more });
  }

  /** As `append`. @throws Precondition when it is refused. */
  async mustAppend(socket: LeafSocket, streamDid: string, events: readonly (ChatEvent | Uint8Array)[]): Promise<void> {
    const answer = await this.append(socket, streamDid, events);
    if (!answer.ok) throw new Precondition(`an append that should stand was refused: ${answer.error}`);
  }

  query(socket: LeafSocket, streamDid: string, query: LeafQuery): Promise<Answer> {
    return socket.call("stream/query", { streamDid, query: queryToCbor(query) });
  }

  /** The rows of a query. @throws Precondition when it is refused or has another form. */
  async rows(socket: LeafSocket, streamDid: string, query: LeafQuery): Promise<readonly Row[]> {
    const answer = await this.query(socket, streamDid, query);
    const rows = answer.ok ? rowsOf(answer.value) : undefined;
    if (rows === undefined) throw new Precondition(`the query ${query.name} was refused: ${answer.ok ? "no rows" : answer.error}`);
    return rows;
  }

  /** Number of messages and last position, by the view `count`. */
  async count(socket: LeafSocket, streamDid: string): Promise<{ readonly n: number; readonly upTo: number }> {
    const [row] = await this.rows(socket, streamDid, ask("count"));
    return { n: whole(row, "n"), upTo: whole(row, "upTo") };
  }

  /** Records a judgement with the socket's last frames as its witness. */
  check(of: string, holds: boolean, reason: Reason, expected: string, seen: string | (() => string), socket?: LeafSocket): boolean {
    return this.t.check(id(of), holds, (): Breach => {
      const text = typeof seen === "string" ? seen : seen();
      return { reason, expected, seen: text.slice(0, 400), ...(socket === undefined ? {} : { witness: socket.witness() }) };
    });
  }

  end(): void {
    for (const socket of this.#sockets) socket.cut();
  }
}

/** An integer column; NaN when it is none. */
export function whole(row: Row | undefined, name: string): number {
  const value = row?.[name];
  return value?.kind === "integer" ? Number(value.value) : NaN;
}

/** Runs a case in a lab of its own. */
export function inLab(run: (lab: Lab, t: CaseContext) => Promise<void>): (t: CaseContext) => Promise<void> {
  return async (t) => {
    const lab = new Lab(t);
    try {
      await run(lab, t);
    } finally {
      lab.end();
    }
  };
}

/** The first place where positions do not rise by one from `first`; undefined when they all do. */
export function firstGap(positions: readonly number[], first: number): string | undefined {
  const at = positions.findIndex((position, index) => position !== first + index);
  return at === -1 ? undefined : `${positions[at]} where ${first + at} comes next (row ${at + 1} of ${positions.length})`;
}

/** `lost` when a position was left out, `doubled` when one came again. */
export function gapReason(positions: readonly number[], first: number): Reason {
  const at = positions.findIndex((position, index) => position !== first + index);
  return at !== -1 && (positions[at] ?? 0) < first + at ? (new Set(positions).size < positions.length ? "doubled" : "disordered") : "lost";
}
