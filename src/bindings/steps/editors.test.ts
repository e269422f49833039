import { collab, getVersion, receiveTransaction, sendableSteps } from "prosemirror-collab";
import { Node } from "prosemirror-model";
import { EditorState } from "prosemirror-state";
import { Step } from "prosemirror-transform";
import { expect, test } from "vitest";
import { WebSocket } from "ws";
import { serve } from "./reference/testing.ts";
import { schemaNamed, schemaOf } from "./node/schema.ts";

/** What comes over the socket, as far as this client looks. */
interface Message {
  readonly type: string;
  readonly doc?: unknown;
  readonly steps?: readonly unknown[];
  readonly version?: number;
  readonly userId?: string;
  readonly clientId?: string;
  readonly ts?: number;
}

/**
 * A client that shares nothing with our session: an editor's state, its collaboration plugin, and a dozen lines that put
 * JSON on a socket, as an application would write them.
 */
class Editor {
  readonly #socket: WebSocket;
  readonly #id: string;
  readonly #dialect: string;
  #state: EditorState | undefined;
  #isInFlight = false;
  #isRefused = false;
  refusals = 0;

  constructor(url: string, room: string, id: string, dialect: string) {
    this.#id = id;
    this.#dialect = dialect;
    const base = url.replace("http", "ws");
    this.#socket = new WebSocket(dialect === "documented" ? `${base}/collab/${room}` : base);
    this.#socket.on("open", () => this.#say(room, { type: "join" }));
    this.#socket.on("message", (data: Buffer) => this.#hear(room, JSON.parse(data.toString()) as Message));
    this.room = room;
  }

  readonly room: string;

  get isReady(): boolean {
    return this.#state !== undefined;
  }

  get doc(): string {
    return JSON.stringify(this.#state?.doc.toJSON());
  }

  get isSettled(): boolean {
    return this.#state !== undefined && sendableSteps(this.#state) === null;
  }

  get version(): number {
    return this.#state === undefined ? -1 : getVersion(this.#state);
  }

  type(text: string, at: number): void {
    if (this.#state === undefined) return;
    const size = this.#state.doc.content.size;
    this.#state = this.#state.apply(this.#state.tr.insertText(text, Math.max(1, Math.min(size - 1, Math.round(at * size)))));
    this.#send();
  }

  split(at: number): void {
    if (this.#state === undefined) return;
    const size = this.#state.doc.content.size;
    const pos = Math.max(1, Math.min(size - 1, Math.round(at * size)));
    if (this.#state.doc.resolve(pos).parent.isTextblock) this.#state = this.#state.apply(this.#state.tr.split(pos));
    this.#send();
  }

  close(): void {
    this.#socket.terminate();
  }

  #say(room: string, message: Record<string, unknown>): void {
    const who = this.#dialect === "documented" ? { userId: this.#id, timestamp: Date.now() } : { roomId: room, clientId: this.#id };
    this.#socket.send(JSON.stringify({ ...message, ...who }));
  }

  #send(): void {
    const mine = this.#state === undefined ? null : sendableSteps(this.#state);
    if (mine === null || this.#isInFlight) return;
    this.#isInFlight = true;
    this.#say(this.room, { type: "steps", version: mine.version, steps: mine.steps.map((step) => step.toJSON() as unknown) });
    this.#sent = mine.steps.length;
  }

  #sent = 0;

  #hear(room: string, message: Message): void {
    const schema = schemaNamed(schemaOf(this.#dialect));
    switch (message.type) {
      case "doc-snapshot":
        this.#state ??= EditorState.create({
          doc: Node.fromJSON(schema, message.doc),
          plugins: [collab({ version: message.version ?? 0, clientID: this.#id })],
        });
        // The document follows a refusal: everything up to it has been received, so the rebased steps can go.
        if (this.#isRefused) {
          this.#isRefused = false;
          this.#isInFlight = false;
          this.#send();
        }
        return;
      case "steps": {
        if (this.#state === undefined) return;
        const steps = (message.steps ?? []).map((step) => Step.fromJSON(schema, step));
        const author = message.userId ?? message.clientId ?? "";
        this.#state = this.#state.apply(
          receiveTransaction(
            this.#state,
            steps,
            steps.map(() => author),
          ),
        );
        return;
      }
      case "ack": {
        if (this.#state === undefined) return;
        const mine = sendableSteps(this.#state);
        if (mine === null) return;
        const steps = mine.steps.slice(0, this.#sent);
        this.#state = this.#state.apply(
          receiveTransaction(
            this.#state,
            steps,
            steps.map(() => this.#id),
          ),
        );
        this.#isInFlight = false;
        this.#send();
        return;
      }
      case "error":
        this.refusals += 1;
        this.#isRefused = true;
        return;
      case "ping":
        this.#say(room, { type: "pong", ts: message.ts });
    }
  }
}

async function until(holds: () => boolean): Promise<void> {
  for (let n = 0; n < 500 && !holds(); n += 1) await new Promise((resolve) => setTimeout(resolve, 10));
  expect(holds()).toBe(true);
}

test.each(["documented", "upstream"])("two editors that are not ours write in one document (%s)", { timeout: 30_000 }, async (dialect) => {
  await using server = await serve({ DIALECT: dialect });
  const editors = [new Editor(server.url, "notes", "ann", dialect), new Editor(server.url, "notes", "ben", dialect)];
  const [ann, ben] = editors;
  if (ann === undefined || ben === undefined) return;
  await until(() => editors.every((editor) => editor.isReady));
  for (let round = 0; round < 60; round += 1) {
    ann.type(`a${round} `, (round % 7) / 7);
    ben.type(`b${round} `, (round % 5) / 5);
    if (round % 10 === 3) ann.split(0.5);
    if (round % 3 === 0) await new Promise((resolve) => setTimeout(resolve, 2));
  }
  await until(() => editors.every((editor) => editor.isSettled) && ann.version === ben.version);
  expect(ben.doc).toBe(ann.doc);
  expect(ann.refusals + ben.refusals).toBeGreaterThan(0);
  const typed = Array.from({ length: 60 }, (_, round) => `a${round} `.length + `b${round} `.length).reduce(
    (sum, length) => sum + length,
    0,
  );
  expect([...ann.doc.matchAll(/"text":"([^"]*)"/g)].reduce((sum, [, text]) => sum + (text?.length ?? 0), 0)).toBe(typed);
  const late = new Editor(server.url, "notes", "cay", dialect);
  await until(() => late.isReady);
  expect(late.doc).toBe(ann.doc);
  for (const editor of [...editors, late]) editor.close();
});
