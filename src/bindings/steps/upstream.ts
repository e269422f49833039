import type { Json } from "../../core/op.ts";
import type { Codec } from "./codec.ts";
import { historyOf } from "./documented.ts";
import { type Fields, isFields, own, shownText } from "./json.ts";
import {
  bad,
  type ClientMessage,
  good,
  isCount,
  isList,
  type Parsed,
  type Presence,
  type ServerMessage,
  type UserPresence,
} from "./messages.ts";

const missing = (type: string, what: string): Parsed<never> => bad("bad_message", `${type}: ${what} is missing or of a wrong type`, type);

/**
 * An entry of the common form as the package writes it: a cursor is a range, name and colour stand beside the id.
 * `timestamp` is filled in by servers.
 */
export function packagePresence(id: string, presence: UserPresence): Fields {
  const cursor = own(presence, "cursor");
  const selection = own(presence, "selection");
  const metadata = own(presence, "metadata");
  const named = isFields(metadata) ? metadata : {};
  const [name, color] = [own(named, "name"), own(named, "color")];
  const pos = isFields(cursor) ? own(cursor, "pos") : undefined;
  const range = isFields(selection) ? { from: own(selection, "from") ?? 0, to: own(selection, "to") ?? 0 } : undefined;
  return {
    user: { id, ...(typeof name === "string" ? { name } : {}), ...(typeof color === "string" ? { color } : {}) },
    ...(range !== undefined ? { cursor: range } : pos === undefined ? {} : { cursor: { from: pos, to: pos } }),
    ...(metadata === undefined ? {} : { meta: metadata }),
  };
}

/** The package's entry in the common form. Name and colour come back as part of `metadata` only where `meta` has them. */
export function commonPresence(presence: Fields): UserPresence {
  const cursor = own(presence, "cursor");
  const meta = own(presence, "meta");
  const [from, to] = isFields(cursor) ? [own(cursor, "from"), own(cursor, "to")] : [];
  const place: Fields = from === undefined || to === undefined ? {} : from === to ? { cursor: { pos: from } } : { selection: { from, to } };
  return { ...place, ...(meta === undefined ? {} : { metadata: meta }) };
}

/** Whether a value is an entry of the package: `user.id` is there, the rest may be absent. */
function isPackagePresence(value: Json | undefined): value is Fields {
  if (!isFields(value)) return false;
  const user = own(value, "user");
  const cursor = own(value, "cursor");
  const meta = own(value, "meta");
  return (
    isFields(user) &&
    typeof own(user, "id") === "string" &&
    (cursor === undefined || (isFields(cursor) && typeof own(cursor, "from") === "number" && typeof own(cursor, "to") === "number")) &&
    (meta === undefined || (typeof meta === "object" && meta !== null))
  );
}

/** Entries pass a server untouched: the reference keeps the package's own form under this key, and hands it on as it came. */
const AS_IT_CAME = "package";

function kept(presence: Fields): UserPresence {
  return { [AS_IT_CAME]: presence };
}

function handedOn(id: string, presence: UserPresence): Fields {
  const whole = own(presence, AS_IT_CAME);
  return isFields(whole) ? whole : packagePresence(id, presence);
}

function clientFields(message: ClientMessage, user: string): Record<string, unknown> {
  switch (message.type) {
    case "join":
      return { type: "join", ...(message.presence === undefined ? {} : { presence: packagePresence(user, message.presence) }) };
    case "steps":
      return { type: "steps", version: message.version, steps: message.steps };
    case "presence":
      return { type: "presence", presence: packagePresence(user, message.users.get(user) ?? {}) };
    case "leave":
      return { type: "leave" };
    default:
      return { ...message };
  }
}

/** Whom a client's message speaks for. */
function speaker(message: ClientMessage, user: string): string {
  if (message.type === "join" || message.type === "leave" || message.type === "steps") return message.userId;
  if (message.type === "presence") return [...message.users.keys()][0] ?? user;
  return user;
}

function serverFields(message: ServerMessage, user: string, epochMs: number): Record<string, unknown> {
  switch (message.type) {
    case "steps":
      return { type: "steps", clientId: message.userId, version: message.version, steps: message.steps };
    case "presence": {
      const entries = [...message.users];
      if (message.isAll === true) {
        const presences = entries.map(([clientId, each]) => ({
          clientId,
          presence: { ...handedOn(clientId, each), timestamp: own(handedOn(clientId, each), "timestamp") ?? epochMs },
        }));
        return { type: "presence-snapshot", clientId: user, presences };
      }
      const [id, presence] = entries[0] ?? [user, {}];
      return { type: "presence", clientId: id, presence: handedOn(id, presence) };
    }
    case "join":
    case "leave":
      return { type: message.type, clientId: message.userId };
    case "error":
      return {
        type: "error",
        clientId: user,
        code: message.code,
        reason: message.message,
        ...(message.re === undefined ? {} : { re: message.re }),
      };
    case "ack":
      return { type: "ack", clientId: user, ackType: "steps", ok: true, version: message.version };
    case "other-ack":
      return { type: "ack", clientId: user, ackType: "presence", ok: true };
    case "history": {
      const { userIds: _, ...rest } = message;
      return { ...rest, clientId: user };
    }
    case "ping":
      return { type: "ping", clientId: "server", ts: message.ts };
    case "doc-snapshot":
      return { ...message, clientId: user };
  }
}

/** `roomId` and `clientId` stand behind the type, as the package writes them. */
function framed(fields: Record<string, unknown>, room: string, user: string): string {
  const { type, clientId, ...rest } = fields;
  return JSON.stringify({ type, roomId: room, clientId: clientId ?? user, ...rest });
}

/** The messages of the published package (2.3). */
export const upstream: Codec = {
  dialect: "upstream",
  path: () => "/",
  writeClient: (message, { room, user }) => framed(clientFields(message, user), room, speaker(message, user)),
  writeServer: (message, { room, user, epochMs }) => framed(serverFields(message, user, epochMs), room, user),
  readClient: (fields, type) => {
    const parsed = readBody(fields, type);
    if (!parsed.ok) return parsed;
    const [room, sender] = [own(fields, "roomId"), own(fields, "clientId")];
    if (typeof room !== "string" || typeof sender !== "string") return missing(type, "roomId or clientId");
    return good({ message: parsed.value(sender), room, sender });
  },
  readServer: (fields, type) => {
    const id = own(fields, "clientId");
    if (typeof own(fields, "roomId") !== "string" || typeof id !== "string") return missing(type, "roomId or clientId");
    const version = own(fields, "version");
    const steps = own(fields, "steps");
    switch (type) {
      case "steps":
        return isList(steps) && isCount(version) ? good({ type, steps, version, userId: id }) : missing(type, "steps or version");
      case "presence": {
        const presence = own(fields, "presence");
        return isFields(presence) ? good(one(id, commonPresence(presence))) : missing(type, "presence");
      }
      case "presence-snapshot":
        return everybody(own(fields, "presences"));
      case "join":
      case "leave":
        return good({ type, userId: id });
      case "error": {
        const [code, reason, re] = [own(fields, "code"), own(fields, "reason"), own(fields, "re")];
        if (typeof code !== "string" || typeof reason !== "string") return missing(type, "code or reason");
        return good({ type, code, message: reason, ...(typeof re === "string" ? { re } : {}) });
      }
      case "doc-snapshot": {
        const doc = own(fields, "doc");
        return isCount(version) && isFields(doc) ? good({ type, version, doc }) : missing(type, "version or doc");
      }
      case "ack": {
        if (own(fields, "ackType") !== "steps") return good({ type: "other-ack" });
        if (own(fields, "ok") !== true) return good({ type: "error", code: "nack", message: shownText(own(fields, "reason")) });
        return isCount(version) ? good({ type, version }) : missing(type, "version");
      }
      case "history":
        return historyOf(fields, steps);
      case "ping": {
        const ts = own(fields, "ts");
        return typeof ts === "number" ? good({ type, ts }) : missing(type, "ts");
      }
      default:
        return bad("unknown_type", `unknown message type "${type.slice(0, 80)}"`);
    }
  },
};

function one(id: string, presence: UserPresence): Presence {
  return { type: "presence", users: new Map([[id, presence]]) };
}

function everybody(value: Json | undefined): Parsed<ServerMessage> {
  if (!isList(value)) return missing("presence-snapshot", "presences");
  const users = new Map<string, UserPresence>();
  for (const each of value) {
    const id = isFields(each) ? own(each, "clientId") : undefined;
    const presence = isFields(each) ? own(each, "presence") : undefined;
    if (typeof id !== "string" || !isFields(presence)) return missing("presence-snapshot", "clientId or presence");
    users.set(id, commonPresence(presence));
  }
  return good({ type: "presence", users, isAll: true });
}

/** A client's message once it is known who sends it. */
function readBody(fields: Fields, type: string): Parsed<(sender: string) => ClientMessage> {
  switch (type) {
    case "join": {
      const presence = own(fields, "presence");
      if (presence !== undefined && !isPackagePresence(presence)) return missing(type, "presence");
      return good((userId) => ({ type, userId, ...(presence === undefined ? {} : { presence: kept(presence) }) }));
    }
    case "leave":
      return good((userId) => ({ type, userId }));
    case "steps": {
      const [steps, version] = [own(fields, "steps"), own(fields, "version")];
      if (!isList(steps)) return missing(type, "steps");
      if (version !== undefined && typeof version !== "number") return missing(type, "version");
      return good((userId) => ({ type, steps, version, userId }));
    }
    case "presence": {
      const presence = own(fields, "presence");
      if (!isPackagePresence(presence)) return missing(type, "presence");
      return good((userId) => one(userId, kept(presence)));
    }
    case "doc-request":
      return good(() => ({ type }));
    case "history-request": {
      const sinceVersion = own(fields, "sinceVersion");
      return typeof sinceVersion === "number" ? good(() => ({ type, sinceVersion })) : missing(type, "sinceVersion");
    }
    case "pong": {
      const ts = own(fields, "ts");
      return typeof ts === "number" ? good(() => ({ type, ts })) : missing(type, "ts");
    }
    default:
      return bad("unknown_type", "no such message type", type.slice(0, 80));
  }
}
