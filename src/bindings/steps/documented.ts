import type { Json } from "../../core/op.ts";
import type { Codec } from "./codec.ts";
import { type Fields, isFields, own } from "./json.ts";
import { bad, type ClientMessage, good, isCount, isList, type Parsed, type ServerMessage, type UserPresence, usersOf } from "./messages.ts";

/** Room names go into a path: what is no Unicode (a lone surrogate) becomes U+FFFD. */
function encodeRoom(room: string): string {
  return encodeURIComponent(room.replace(/[\uD800-\uDBFF](?![\uDC00-\uDFFF])|(?<![\uD800-\uDBFF])[\uDC00-\uDFFF]/g, "\uFFFD"));
}

/** An object made of entries, `__proto__` being a key like any other. */
export function objectOf(users: ReadonlyMap<string, UserPresence>): Fields {
  return Object.fromEntries(users);
}

/** Only the fields that are named, so that a codec writes what its dialect has and no more. */
function written(message: ClientMessage | ServerMessage, user: string): Record<string, unknown> {
  switch (message.type) {
    case "steps":
      return { type: "steps", steps: message.steps, version: message.version, userId: message.userId };
    case "presence":
      return { type: "presence", users: objectOf(message.users) };
    case "ack":
      return { type: "ack", ackType: "steps", ok: true, version: message.version };
    case "other-ack":
      return { type: "ack", ackType: "presence", ok: true, userId: user };
    default:
      return { ...message };
  }
}

const missing = (type: string, what: string): Parsed<never> => bad("bad_message", `${type}: ${what} is missing or of a wrong type`, type);

function userPresence(value: Json | undefined): UserPresence | undefined | "bad" {
  if (value === undefined) return undefined;
  return isFields(value) && isPresence(value) ? value : "bad";
}

/** Whether the parts of an entry that are there have the form of 2.2. */
function isPresence(value: UserPresence): boolean {
  const cursor = own(value, "cursor");
  const selection = own(value, "selection");
  const metadata = own(value, "metadata");
  return (
    (cursor === undefined || (isFields(cursor) && typeof own(cursor, "pos") === "number" && isPoint(own(cursor, "coords")))) &&
    (selection === undefined ||
      (isFields(selection) && typeof own(selection, "from") === "number" && typeof own(selection, "to") === "number")) &&
    (metadata === undefined || isFields(metadata))
  );
}

function isPoint(value: Json | undefined): boolean {
  return value === undefined || (isFields(value) && typeof own(value, "x") === "number" && typeof own(value, "y") === "number");
}

/** The seed's messages, and names of the published package where the seed has none (2.2). */
export const documented: Codec = {
  dialect: "documented",
  path: (room) => `/collab/${encodeRoom(room)}`,
  writeClient: (message, { user, epochMs }) => JSON.stringify({ ...written(message, user), timestamp: epochMs }),
  writeServer: (message, { user, epochMs }) => JSON.stringify({ ...written(message, user), timestamp: epochMs }),
  readClient: (fields, type) => {
    const userId = own(fields, "userId");
    switch (type) {
      case "join": {
        const presence = userPresence(own(fields, "presence"));
        if (typeof userId !== "string") return missing(type, "userId");
        if (presence === "bad") return missing(type, "presence");
        return good({ message: { type, userId, ...(presence === undefined ? {} : { presence }) } });
      }
      case "leave":
        return typeof userId === "string" ? good({ message: { type, userId }, sender: userId }) : missing(type, "userId");
      case "steps": {
        const steps = own(fields, "steps");
        const version = own(fields, "version");
        if (!isList(steps)) return missing(type, "steps");
        if (typeof version !== "number") return missing(type, "version");
        if (typeof userId !== "string") return missing(type, "userId");
        return good({ message: { type, steps, version, userId }, sender: userId });
      }
      case "presence": {
        const users = usersOf(own(fields, "users"));
        if (users === undefined || users.size === 0 || ![...users.values()].every(isPresence)) return missing(type, "users");
        return good({ message: { type, users } });
      }
      case "doc-request":
        return good({ message: { type } });
      case "history-request": {
        const sinceVersion = own(fields, "sinceVersion");
        return typeof sinceVersion === "number" ? good({ message: { type, sinceVersion } }) : missing(type, "sinceVersion");
      }
      case "pong": {
        const ts = own(fields, "ts");
        return typeof ts === "number" ? good({ message: { type, ts } }) : missing(type, "ts");
      }
      default:
        return bad("unknown_type", "no such message type", type.slice(0, 80));
    }
  },
  readServer: (fields, type) => {
    const timed = own(fields, "timestamp");
    if (typeof timed !== "number") return missing(type, "timestamp");
    const userId = own(fields, "userId");
    const version = own(fields, "version");
    const steps = own(fields, "steps");
    switch (type) {
      case "steps":
        if (!isList(steps)) return missing(type, "steps");
        if (!isCount(version)) return missing(type, "version");
        return typeof userId === "string" ? good({ type, steps, version, userId }) : missing(type, "userId");
      case "presence": {
        const users = usersOf(own(fields, "users"));
        return users === undefined ? missing(type, "users") : good({ type, users });
      }
      case "join": {
        const presence = own(fields, "presence");
        if (typeof userId !== "string") return missing(type, "userId");
        if (presence !== undefined && !isFields(presence)) return missing(type, "presence");
        return good({ type, userId, ...(presence === undefined ? {} : { presence }) });
      }
      case "leave":
        return typeof userId === "string" ? good({ type, userId }) : missing(type, "userId");
      case "error": {
        const code = own(fields, "code");
        const message = own(fields, "message");
        const re = own(fields, "re");
        if (typeof code !== "string" || typeof message !== "string") return missing(type, "code or message");
        return good({ type, code, message, ...(typeof re === "string" ? { re } : {}) });
      }
      case "doc-snapshot": {
        const doc = own(fields, "doc");
        return isCount(version) && isFields(doc) ? good({ type, version, doc }) : missing(type, "version or doc");
      }
      case "ack":
        if (own(fields, "ackType") !== "steps") return good({ type: "other-ack" });
        return isCount(version) && own(fields, "ok") === true ? good({ type, version }) : missing(type, "version or ok");
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

/** A `history` of either dialect; authors where they are named. */
export function historyOf(fields: Fields, steps: Json | undefined): Parsed<ServerMessage> {
  const fromVersion = own(fields, "fromVersion");
  const toVersion = own(fields, "toVersion");
  const userIds = own(fields, "userIds");
  if (!isList(steps) || !isCount(fromVersion) || !isCount(toVersion)) return missing("history", "fromVersion, toVersion or steps");
  if (userIds === undefined) return good({ type: "history", fromVersion, toVersion, steps });
  const authors = isList(userIds) ? userIds.filter((id): id is string => typeof id === "string") : [];
  if (authors.length !== steps.length) return missing("history", "an author for each step");
  return good({ type: "history", fromVersion, toVersion, steps, userIds: authors });
}
