import type { Binding } from "../../core/binding.ts";
import type { Session, SessionOptions } from "../../core/session.ts";
import { HubSession, type HubIdentity } from "./hub-session.ts";
import { loadLibrary, missing } from "./node/library.ts";
import { SyncSession } from "./node/session.ts";
import { accounts, commonOf, spaces } from "./node/world.ts";

/** A hub client enters with an account and a space that a client of the sync leg has made. */
const IDENTITY_MS_MAX = 10_000;

/** Rooms of the hub leg are those of the sync leg with a word before: `hub:`, or `hub?:` to say hello by hand. */
function session(options: SessionOptions): Session {
  if (!/^hub\??:/.test(options.room)) return new SyncSession(options);
  const room = options.room.replace(/^hub\??:/, "");
  return new HubSession(options, async (user): Promise<HubIdentity> => {
    const [{ crypto }, account, ids] = await Promise.all([
      loadLibrary(),
      accounts.get(`${commonOf(room)}|${user}`, IDENTITY_MS_MAX),
      spaces.get(room, IDENTITY_MS_MAX),
    ]);
    if (account === undefined || ids === undefined) throw new Error("no client of the sync leg has made this account and space");
    const signer = crypto.getAgentSignerSecret(account.accountSecret);
    return {
      account: account.accountID,
      space: ids.space,
      prove: (nonce) => crypto.sign(signer, { account: account.accountID, nonce }),
    };
  });
}

const absent = missing();

/** What runs in Node only: the sessions are made of the Jazz library. */
export const inNode: Partial<Binding> = { session, ...(absent === undefined ? {} : { absent }) };
