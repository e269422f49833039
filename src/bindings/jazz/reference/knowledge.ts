import { WebSocket } from "ws";
import { loadLibrary } from "../node/library.ts";
import { Link } from "../node/link.ts";
import type { HubKnowledge } from "./hub.ts";

/** A role may be on its way still when its holder comes to the hub. */
const TRIES = 3;

interface AccountValue {
  currentAgentID(): string;
}

interface GroupValue {
  roleOf(account: string): string | undefined;
}

interface Owned {
  readonly verified: { readonly header: { readonly ruleset: { readonly type: string; readonly group?: string } } } | null;
}

/** Reads keys and roles as a client of the relay: both are public there (J-1). */
export async function readRelay(url: string): Promise<HubKnowledge & { stop(): void }> {
  const library = await loadLibrary();
  const { LocalNode, crypto } = library;
  const secret = crypto.newRandomAgentSecret();
  const node = new LocalNode(secret, crypto.newRandomSessionID(crypto.getAgentID(secret)), crypto);
  const socket = new WebSocket(url, { perMessageDeflate: false });
  const link = new Link(library, "server", { send: (frame) => socket.send(frame), message: () => undefined, problem: () => undefined });
  await new Promise<void>((resolve, reject) => {
    socket.once("open", resolve);
    socket.once("error", reject);
  });
  socket.on("message", (data: Buffer) => link.frame(data.toString("utf8")));
  socket.on("error", () => undefined);
  socket.on("close", () => link.end());
  node.syncManager.addPeer(link.peer);
  const load = async (id: string): Promise<unknown> => {
    if (!/^co_z[1-9A-HJ-NP-Za-km-z]+$/.test(id)) return undefined;
    const value = await node.load(id, true);
    return value === "unavailable" ? undefined : value;
  };
  return {
    isProof: async (account, nonce, proof) => {
      const value = (await load(account)) as Partial<AccountValue> | undefined;
      if (typeof value?.currentAgentID !== "function" || !proof.startsWith("signature_z")) return false;
      try {
        return crypto.verify(proof, { account, nonce }, crypto.getAgentSignerID((value as AccountValue).currentAgentID()));
      } catch {
        return false;
      }
    },
    isMember: async (account, space) => {
      for (let count = 0; count < TRIES; count += 1) {
        if ((await load(space)) === undefined) return false;
        const { verified } = node.getCoValue(space) as unknown as Owned;
        const owner = verified?.header.ruleset.group;
        const group = owner === undefined ? undefined : ((await load(owner)) as Partial<GroupValue> | undefined);
        const role = typeof group?.roleOf === "function" ? (group as GroupValue).roleOf(account) : undefined;
        if (role !== undefined && role !== "revoked") return true;
        await new Promise((resolve) => setTimeout(resolve, 200));
      }
      return false;
    },
    stop: () => {
      socket.terminate();
      void node.gracefulShutdown();
    },
  };
}
