import { integer, NULL, type Row, rowText, text } from "./messages.ts";
import type { StoredEvent } from "./events.ts";

/** One message of the view `msgs`. */
export interface Message {
  readonly idx: number;
  readonly eid: string;
  readonly user: string;
  readonly room: string | undefined;
  readonly body: string | undefined;
  readonly deleted: boolean;
}

/**
 * The views of the reference module, folded from the events by hand: what its materializer does in SQL. Events come in
 * the order of their positions; unknown kinds change nothing.
 */
export class Views {
  readonly #messages: Map<string, Message> = new Map();
  readonly #members: Set<string> = new Set();
  #upTo = 0;

  get upTo(): number {
    return this.#upTo;
  }

  get members(): readonly string[] {
    return [...this.#members];
  }

  get count(): number {
    return this.#messages.size;
  }

  apply({ idx, user, event }: StoredEvent): void {
    this.#upTo = idx;
    const { eid, target } = event;
    const present = target === undefined ? undefined : this.#messages.get(target);
    if (event.kind === "post" && eid !== undefined)
      this.#messages.set(eid, { idx, eid, user, room: event.room, body: event.body, deleted: false });
    else if (event.kind === "grant" && event.did !== undefined) this.#members.add(event.did);
    else if (event.kind === "edit" && present !== undefined) this.#messages.set(present.eid, { ...present, body: event.body });
    else if (event.kind === "delete" && present !== undefined) this.#messages.set(present.eid, { ...present, deleted: true });
  }

  /** All messages by position. */
  messages(): readonly Message[] {
    return [...this.#messages.values()].sort((left, right) => left.idx - right.idx);
  }

  /** What the query `room` answers at this position, row by row as canonical text. */
  roomTexts(room: string): readonly string[] {
    const rows = this.messages().filter((message) => message.room === room);
    return (rows.length === 0 ? [undefined] : rows).map((message) => rowText(this.#row(message)));
  }

  /** Canonical text of all views. */
  text(): string {
    return JSON.stringify([this.#upTo, [...this.#members].sort(), this.messages().map((message) => rowText(this.#row(message)))]);
  }

  #row(message: Message | undefined): Row {
    const upTo = integer(this.#upTo);
    if (message === undefined) return { upTo, idx: NULL, eid: NULL, user: NULL, room: NULL, body: NULL, deleted: NULL };
    const { idx, eid, user, room, body, deleted } = message;
    return {
      upTo,
      idx: integer(idx),
      eid: text(eid),
      user: text(user),
      room: room === undefined ? NULL : text(room),
      body: body === undefined ? NULL : text(body),
      deleted: integer(deleted ? 1 : 0),
    };
  }
}

/** The views after the events up to a position. */
export function viewsAt(events: readonly StoredEvent[], upTo: number): Views {
  const views = new Views();
  for (const event of events) if (event.idx <= upTo) views.apply(event);
  return views;
}
