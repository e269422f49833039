import { accountOf, type Broadcast, type HubIn, type HubOut, type Ping, type Status, STATUSES, type SyncMessage } from "./messages.ts";

/** One line of a frame of the sync leg. */
export type SyncLine =
  | { readonly kind: "message"; readonly message: SyncMessage }
  | { readonly kind: "ping"; readonly ping: Ping }
  | { readonly kind: "unknown"; readonly text: string }
  | { readonly kind: "malformed"; readonly text: string; readonly why: string };

type Fields = Readonly<Record<string, unknown>>;

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Senders gather to about this many characters in one frame. */
export const GATHER_CHARACTERS = 25_000;

/** Messages of one text frame, in order; empty lines are ignored. Never throws. */
export function decodeSync(text: string): readonly SyncLine[] {
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map(decodeLine);
}

function decodeLine(line: string): SyncLine {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return { kind: "malformed", text: line, why: "no JSON" };
  }
  if (!isFields(value)) return { kind: "malformed", text: line, why: "no object" };
  if (value["type"] === "ping") {
    const { time, dc } = value;
    if (typeof time !== "number" || typeof dc !== "string") return { kind: "malformed", text: line, why: "a ping without time or dc" };
    return { kind: "ping", ping: { type: "ping", time, dc } };
  }
  const why = wrongIn(value);
  if (why === "unknown") return { kind: "unknown", text: line };
  if (why !== undefined) return { kind: "malformed", text: line, why };
  return { kind: "message", message: value as unknown as SyncMessage };
}

/** What is wrong with a message's shape; undefined when nothing is. */
function wrongIn(value: Fields): string | undefined {
  const { action, id } = value;
  if (typeof action !== "string") return "no action";
  if (!["load", "known", "content", "done", "reconcile", "reconcile-ack"].includes(action)) return "unknown";
  if (typeof id !== "string") return `${action} without id`;
  if (action === "reconcile" || action === "reconcile-ack") return undefined;
  if (!isCoId(id)) return `${action} of "${id.slice(0, 60)}", which is no id`;
  if (action === "load" || action === "known") {
    if (typeof value["header"] !== "boolean") return `${action} without header`;
    const sessions = value["sessions"];
    if (!isFields(sessions)) return `${action} without sessions`;
    for (const [session, length] of Object.entries(sessions)) {
      if (!isSessionId(session) || typeof length !== "number" || !Number.isInteger(length) || length < 0)
        return `${action} with a bad session`;
    }
    return undefined;
  }
  if (action !== "content") return undefined;
  if (typeof value["priority"] !== "number") return "content without priority";
  const fresh = value["new"];
  if (!isFields(fresh)) return "content without new";
  for (const [session, part] of Object.entries(fresh)) {
    if (!isSessionId(session)) return "content with a bad session";
    if (
      !isFields(part) ||
      typeof part["after"] !== "number" ||
      !Array.isArray(part["newTransactions"]) ||
      typeof part["lastSignature"] !== "string"
    )
      return "content with a bad part";
  }
  return undefined;
}

/** Whether a text has the form of a value's id. */
export function isCoId(text: string): boolean {
  return /^co_z[1-9A-HJ-NP-Za-km-z]+$/.test(text);
}

function isSessionId(text: string): boolean {
  return text.includes("_session_") && accountOf(text) !== "";
}

/** Frames for messages, gathered to about `GATHER_CHARACTERS` each. */
export function encodeSync(messages: readonly SyncMessage[]): readonly string[] {
  const frames: string[] = [];
  let frame = "";
  for (const message of messages) {
    const line = JSON.stringify(message);
    if (frame !== "" && frame.length + line.length > GATHER_CHARACTERS) {
      frames.push(frame);
      frame = "";
    }
    frame = frame === "" ? line : `${frame}\n${line}`;
  }
  if (frame !== "") frames.push(frame);
  return frames;
}

/** A hub frame, or what is wrong with it: the code that a hub refuses it with. */
export type HubDecoded<T> = { readonly message: T } | { readonly code: "bad-json" | "bad-message" | "unknown-type"; readonly why: string };

function bad(why: string): { readonly code: "bad-message"; readonly why: string } {
  return { code: "bad-message", why };
}

function decodeHub(text: string): { readonly fields: Fields } | { readonly code: "bad-json" | "bad-message"; readonly why: string } {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { code: "bad-json", why: "no JSON" };
  }
  return isFields(value) ? { fields: value } : bad("no object");
}

/** Reads what a client sends. Never throws. */
export function decodeHubIn(text: string): HubDecoded<HubIn> {
  const decoded = decodeHub(text);
  if ("code" in decoded) return decoded;
  const { fields } = decoded;
  if (fields["type"] !== "hello") return broadcastOf(fields);
  const { account, space, proof } = fields;
  if (typeof account !== "string" || typeof space !== "string") return bad("hello without account or space");
  if (proof !== undefined && typeof proof !== "string") return bad("a proof is a text");
  return { message: { type: "hello", account, space, ...(proof === undefined ? {} : { proof }) } };
}

/** Reads what a hub sends. Never throws. */
export function decodeHubOut(text: string): HubDecoded<HubOut> {
  const decoded = decodeHub(text);
  if ("code" in decoded) return decoded;
  const { fields } = decoded;
  switch (fields["type"]) {
    case "challenge":
      return typeof fields["nonce"] === "string"
        ? { message: { type: "challenge", nonce: fields["nonce"] } }
        : bad("challenge without nonce");
    case "ready": {
      const { account, presence } = fields;
      if (typeof account !== "string" || !isFields(presence)) return bad("ready without account or presence");
      const statuses: Record<string, Status> = {};
      for (const [user, status] of Object.entries(presence)) {
        if (!isStatus(status)) return bad("ready with an unknown status");
        statuses[user] = status;
      }
      return { message: { type: "ready", account, presence: statuses } };
    }
    case "refused": {
      const { code, message } = fields;
      if (typeof code !== "string" || typeof message !== "string") return bad("refused without code or message");
      return { message: { type: "refused", code, message } };
    }
    default:
      return broadcastOf(fields);
  }
}

function isStatus(value: unknown): value is Status {
  return typeof value === "string" && (STATUSES as readonly string[]).includes(value);
}

const ISO = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$/;

/** Whether a text is a date as J-3 wants it, and names a day that exists. */
export function isIsoDate(text: string): boolean {
  return ISO.test(text) && !Number.isNaN(Date.parse(text));
}

function broadcastOf(fields: Fields): HubDecoded<Broadcast> {
  switch (fields["type"]) {
    case "message": {
      const data = fields["data"];
      if (!isFields(data)) return bad("message without data");
      const { id, content, author, threadId, createdAt } = data;
      if (typeof id !== "string" || typeof content !== "string" || typeof author !== "string" || typeof threadId !== "string")
        return bad("message data without id, content, author or threadId");
      if (typeof createdAt !== "string" || !isIsoDate(createdAt)) return bad("createdAt is no ISO date");
      return { message: { type: "message", data: { id, content, author, threadId, createdAt } } };
    }
    case "typing": {
      const { userId, isTyping, threadId } = fields;
      if (typeof userId !== "string" || typeof isTyping !== "boolean") return bad("typing without userId or isTyping");
      if (threadId !== undefined && typeof threadId !== "string") return bad("threadId is a text");
      return { message: { type: "typing", userId, isTyping, ...(threadId === undefined ? {} : { threadId }) } };
    }
    case "presence": {
      const { userId, status } = fields;
      if (typeof userId !== "string" || !isStatus(status)) return bad("presence without userId or a known status");
      return { message: { type: "presence", userId, status } };
    }
    default:
      return typeof fields["type"] === "string" ? { code: "unknown-type", why: fields["type"].slice(0, 60) } : bad("no type");
  }
}
