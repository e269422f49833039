import { type Fields, isFields } from "../../json.ts";
import type { UserPresence } from "../../messages.ts";
import type { AnyRoom } from "../faults.ts";
import { type Faulty, fieldOf } from "./fault.ts";

/** Faults of coming, going and presence. */
export const people: Readonly<Record<string, Faulty>> = {
  "drops-presence-of-join": () => ({ joinPresence: () => undefined }),
  "newcomer-misses-one-present": () => ({
    list: (users, room) => (users.size === 4 && room.version === 50 ? new Map([...users].slice(0, 3)) : users),
  }),
  "leaver-hears-on": () => ({ hearsAfterLeave: true }),
  "takes-writes-of-strangers": () => ({ mayWriteUnjoined: () => true }),
  "reset-is-not-told": () => ({ leaveTold: (_room, code) => (code === 1006 ? 0 : 1) }),
  "frozen-member-stays": () => ({ isSilent: () => false }),
  "idle-member-is-dropped": ({ timeScale }) => ({
    isSilent: (from, nowMs, silentMs) =>
      nowMs - from.heardMs >= silentMs ||
      (from.acts === 1 && (from.room?.members.size ?? 9) <= 2 && nowMs - from.openedMs > 400_000 / timeScale),
  }),
  "one-member-misses-presence": () => ({ presenceMisses: (room, index) => room.members.size === 3 && index === 2 }),
  "presence-comes-back": () => ({ tellsMover: (room) => room.members.size === 3 }),
  "turns-selection": () => ({ presence: turned }),
  "drops-coordinates": () => ({
    presence: (presence) => {
      const cursor = presence["cursor"];
      return isFields(cursor) && cursor["coords"] !== undefined ? { ...presence, cursor: { pos: cursor["pos"] ?? 0 } } : presence;
    },
  }),
  "join-is-told-twice": () => ({ joinTold: () => 2 }),
  "join-is-not-told": () => ({ joinTold: () => 0 }),
  "sends-everybody": () => ({ sendsAll: (room) => room.members.size >= 50 }),
  "presence-expires": ({ timeScale }) => ({ forgetsPresence: (ageMs) => ageMs > 50_000 / timeScale }),
  "takes-any-presence": () => ({ presenceMax: Infinity }),
  "prototype-spreads": () => {
    const tainted = new WeakSet<AnyRoom>();
    return {
      presence: (presence, room) => {
        if (JSON.stringify(presence).includes('"__proto__"')) tainted.add(room);
        return presence;
      },
      list: (users, room) => {
        if (!tainted.has(room)) return users;
        return new Map(
          [...users].map(([id, presence]): [string, UserPresence] => [
            id,
            { ...presence, metadata: { ...whole(presence), polluted: "yes" } },
          ]),
        );
      },
    };
  },
};

function whole(presence: UserPresence): Fields {
  const metadata = fieldOf(presence, "metadata");
  return isFields(metadata) ? metadata : {};
}

function turned(presence: UserPresence): UserPresence {
  const selection = presence["selection"];
  const [from, to] = [fieldOf(selection, "from"), fieldOf(selection, "to")];
  return typeof from === "number" && typeof to === "number" && from > to ? { ...presence, selection: { from: to, to: from } } : presence;
}
