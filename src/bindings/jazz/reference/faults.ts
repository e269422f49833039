import type { Broadcast, SyncMessage } from "../messages.ts";
import type { Fault, RelayFault } from "./fault.ts";
import { Watch } from "./watch.ts";

type Content = Extract<SyncMessage, { readonly action: "content" }>;

/** A relay that withholds contents from the newest socket that follows the value. */
function withholds(which: (content: Content, watch: Watch) => boolean): Fault {
  const watch = new Watch();
  const relay: RelayFault = {
    received: (message, socket, pass) => {
      watch.received(message, socket);
      pass(message);
    },
    sending: (message, socket, pass) => {
      const isHit = message.action === "content" && watch.isNewest(message.id, socket) && which(message, watch);
      if (!isHit) pass(message);
    },
  };
  return { relay };
}

/** A relay that loses what comes in. */
function loses(which: (content: Content, watch: Watch) => boolean): Fault {
  const watch = new Watch();
  return {
    relay: {
      received: (message, socket, pass) => {
        watch.received(message, socket);
        if (message.action !== "content" || !which(message, watch)) pass(message);
      },
    },
  };
}

/** Whether a content is one short entry of a feed: encrypted, a deletion is shorter than all else, then a reaction. */
function isShort(content: Content, watch: Watch, charactersMax: number): boolean {
  const lengths = Watch.lengths(content);
  return (
    watch.typeOf(content.id) === "costream" &&
    lengths.length > 0 &&
    lengths.every((length) => length > EMPTY_CHARACTERS_MAX && length <= charactersMax)
  );
}

const DELETION_CHARACTERS_MAX = 75;
const REACTION_CHARACTERS_MAX = 125;
/** An empty list of changes, encrypted. */
const EMPTY_CHARACTERS_MAX = 30;
const SLOW_MS = 400;

/** Faults by the id of their mutant. */
const FAULTS: Readonly<Record<string, () => Fault>> = {
  "relay-believes-all": () => ({ relay: { believesAll: true } }),
  "relay-sends-binary": () => ({
    relay: {
      sending: (message, socket, pass) => {
        if (message.action === "known") socket.raw(Buffer.from(JSON.stringify({ type: "ping", time: Date.now(), dc: "binary" })));
        pass(message);
      },
    },
  }),
  "relay-forgets-part-of-long-log": () =>
    withholds(({ id }, watch) => watch.typeOf(id) === "costream" && watch.sessions(id) >= 10 && watch.total(id) >= 500),
  "late-loader-misses-ties": () => {
    /** Session that a socket is never told of, by socket and value. */
    const missed = new Map<string, string>();
    return {
      relay: {
        sending: (message, socket, pass) => {
          if (message.action !== "content") return pass(message);
          const key = `${socket.number} ${message.id}`;
          const sessions = Object.entries(message.new);
          if (message.header !== undefined && sessions.length === 5) missed.set(key, sessions[0]?.[0] ?? "");
          const kept = sessions.filter(([session]) => session !== missed.get(key));
          if (kept.length > 0 || message.header !== undefined) pass({ ...message, new: Object.fromEntries(kept) });
        },
      },
    };
  },
  "old-entries-stay-behind": () =>
    loses(({ id }, watch) => watch.typeOf(id) === "costream" && watch.sessions(id) === 3 && watch.total(id) === 21),
  "one-device-an-account": () => ({
    relay: (() => {
      const watch = new Watch();
      return {
        received: (message, socket, pass) => {
          watch.received(message, socket);
          if (message.action === "content" && watch.isSecondDevice(message)) return;
          pass(message);
        },
      } satisfies RelayFault;
    })(),
  }),
  "relay-forgets-who-waits": () => {
    const waiting = new Set<string>();
    return {
      relay: {
        sending: (message, socket, pass) => {
          const key = `${socket.number} ${message.id}`;
          if (message.action === "known" && !message.header) waiting.add(key);
          if (message.action === "content" && waiting.has(key)) return;
          pass(message);
        },
      },
    };
  },
  "relay-drops-empty-map": () => {
    const empty = new Map<number, Set<string>>();
    return {
      relay: {
        received: (message, socket, pass) => {
          // Open transactions have no length here: accounts and groups are maps, too.
          const isEmpty =
            message.action === "content" &&
            Watch.headerType(message) === "comap" &&
            Watch.lengths(message).every((length) => length > 0 && length < EMPTY_CHARACTERS_MAX);
          if (!isEmpty) return pass(message);
          const seen = empty.get(socket.number) ?? new Set();
          empty.set(socket.number, seen);
          // The first belongs to the making of a space.
          if (seen.size === 0 || (seen.size === 1 && seen.has(message.id))) {
            seen.add(message.id);
            pass(message);
          }
        },
      },
    };
  },
  "relay-drops-large": () => withholds((content) => Watch.lengths(content).some((length) => length > 60_000)),
  "relay-drops-second-edit": () =>
    withholds(
      (content, watch) =>
        watch.sessions(content.id) === 3 && watch.total(content.id) === 3 && !isShort(content, watch, REACTION_CHARACTERS_MAX),
    ),
  "relay-drops-late-addition": () => withholds(({ id }, watch) => watch.typeOf(id) === "colist" && watch.total(id) > 100),
  "relay-drops-reply-edit": () =>
    withholds(({ id }, watch) => watch.sessions(id) === 2 && watch.total(id) === 3 && watch.largest(id) === 2),
  "relay-drops-deletion": () =>
    withholds((content, watch) => isShort(content, watch, DELETION_CHARACTERS_MAX) && watch.total(content.id) <= 3),
  "relay-drops-second-deletion": () =>
    withholds((content, watch) => isShort(content, watch, DELETION_CHARACTERS_MAX) && watch.total(content.id) >= 5),
  "relay-drops-reaction": () =>
    withholds((content, watch) => watch.sessions(content.id) >= 8 && isShort(content, watch, REACTION_CHARACTERS_MAX)),
  "relay-tells-all": () => {
    const sockets = new Set<{ raw(frame: string): void }>();
    return {
      relay: {
        received: (message, socket, pass) => {
          sockets.add(socket);
          pass(message);
        },
        sending: (message, socket, pass) => {
          pass(message);
          if (message.action === "content" && message.priority === 3)
            for (const other of sockets) if (other !== socket) other.raw(JSON.stringify(message));
        },
      },
    };
  },
  "relay-is-slow": () => ({
    relay: {
      sending: (message, _socket, pass) => {
        if (message.action === "content") setTimeout(() => pass(message), SLOW_MS);
        else pass(message);
      },
    },
  }),
  "relay-cuts-long-batches": () => loses((content) => Object.values(content.new).some((part) => part.newTransactions.length > 60)),
  "relay-forgets-at-restart": () => ({ forgets: true }),
  "relay-ignores-who-returns": () => {
    const home = new Map<string, number>();
    return {
      relay: {
        received: (message, socket, pass) => {
          if (message.action === "content") {
            for (const session of Object.keys(message.new)) {
              const first = home.get(session);
              if (first === undefined) home.set(session, socket.number);
              else if (
                first !== socket.number &&
                Watch.headerType(message) === undefined &&
                Object.keys(message.new).length === 1 &&
                Watch.lengths(message).every((length) => length > REACTION_CHARACTERS_MAX)
              )
                return;
            }
          }
          pass(message);
        },
      },
    };
  },
  "bad-frame-closes-all": () => ({
    relay: {
      unusable: (_text, self, all) => {
        for (const socket of all) if (socket !== self) socket.close(1011);
      },
    },
  }),
  "relay-never-corrects": () => ({
    relay: {
      sending: (message, _socket, pass) => {
        if (message.action !== "known" || message.isCorrection !== true) pass(message);
      },
    },
  }),
  "relay-drops-under-load": () => withholds(({ id }, watch) => watch.sessions(id) >= 15 && watch.total(id) >= 150),
  "relay-adds-temporary-id": () => ({
    relay: {
      sending: (message, _socket, pass) =>
        pass(message.action === "content" ? ({ ...message, temporaryId: "t1" } as SyncMessage) : message),
    },
  }),
  "hub-skips-proof": () => ({ hub: { skipsProof: true } }),
  "hub-rewrites-date": () => ({ hub: { sending: redated } }),
  "hub-changes-some-hints": () => {
    let hints = 0;
    return { hub: { sending: (message) => (message.type === "message" && ++hints % 20 === 0 ? redated(message) : message) } };
  },
  "hub-drops-some-typing": () => {
    let typings = 0;
    return { hub: { sending: (message) => (message.type === "typing" && ++typings % 50 === 0 ? undefined : message) } };
  },
  "hub-skips-membership": () => ({ hub: { skipsMembership: true } }),
  "hub-leaks-spaces": () => ({ hub: { leaksSpaces: true } }),
  "hub-echoes-typing": () => ({ hub: { echoes: true } }),
  "hub-loses-thread": () => ({
    hub: {
      sending: (message) => (message.type === "typing" ? { type: "typing", userId: message.userId, isTyping: message.isTyping } : message),
    },
  }),
  "hub-keeps-typing": () => ({ hub: { keepsTyping: true } }),
  "hub-keeps-presence": () => ({ hub: { keepsPresence: true } }),
  "hub-ignores-away": () => ({ hub: { status: (status) => (status === "away" ? undefined : status) } }),
  "hub-takes-any-status": () => ({ hub: { takesUnknownStatus: true } }),
  "hub-forgets-devices": () => ({ hub: { offlineAtFirstClose: true } }),
  "hub-hides-presence": () => ({ hub: { ready: (message) => ({ ...message, presence: {} }) } }),
  "hub-bad-frame-closes-all": () => ({
    hub: {
      unusable: (closeAll) => {
        closeAll();
        return true;
      },
    },
  }),
};

/** A hint with a date that is a millisecond off. */
function redated(message: Broadcast): Broadcast {
  if (message.type !== "message") return message;
  return { ...message, data: { ...message.data, createdAt: new Date(Date.parse(message.data.createdAt) + 1).toISOString() } };
}

/** The fault of a mutant; an empty name is none. @throws RangeError for unknown names. */
export function faultOf(name: string): Fault {
  if (name === "") return {};
  const make = FAULTS[name];
  if (make === undefined) throw new RangeError(`there is no fault "${name}"`);
  return make();
}
