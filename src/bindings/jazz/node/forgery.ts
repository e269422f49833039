import { encodeSync } from "../codec.ts";
import type { CoId, SyncMessage } from "../messages.ts";
import { type Core, loadLibrary, type Node } from "./library.ts";

type Content = Extract<SyncMessage, { readonly action: "content" }>;

/** Frames that a server must not believe, made out of honest ones; `id` is the value that nobody must get. */
export interface Forgery {
  readonly id: CoId;
  readonly frames: readonly string[];
}

function contentOf(core: Core): readonly Content[] {
  return (core.newContentSince() ?? []).filter((each): each is Content => each.action === "content");
}

/**
 * `signature`: a transaction signed by another key · `header`: a value whose header does not hash to its id · `gap`:
 * transactions that begin beyond what the server holds · `orphan`: content before the group that it depends on.
 */
export async function forge(node: Node, kind: "signature" | "header" | "gap" | "orphan"): Promise<Forgery> {
  const { LocalNode, crypto } = await loadLibrary();
  // A node of its own, that no server knows: what it makes reaches the wire only by our hand.
  const { node: maker, accountID } = await LocalNode.withNewlyCreatedAccount({ creationProps: { name: "forger" }, crypto, peers: [] });
  const group = maker.createGroup();
  group.addMember("everyone", "writer");
  const feed = group.createStream([{ note: "must not be believed" }], "trusting");
  const other = group.createStream([{ note: "another" }], "trusting");
  feed.push({ note: "second" }, "trusting");
  const parts = (id: CoId): readonly Content[] => contentOf(maker.getCoValue(id));
  const honest = [...parts(accountID), ...parts(group.id)];
  const target = parts(feed.id);
  void node;
  if (kind === "orphan") return { id: feed.id, frames: encodeSync(target) };
  if (kind === "header")
    return { id: feed.id, frames: encodeSync([...honest, ...parts(other.id).map((each) => ({ ...each, id: feed.id }))]) };
  if (kind === "gap") {
    const later = target.map((each) => ({
      ...each,
      new: Object.fromEntries(Object.entries(each.new).map(([session, part]) => [session, { ...part, after: part.after + 5 }])),
    }));
    return { id: feed.id, frames: encodeSync([...honest, ...later]) };
  }
  const stranger = crypto.getAgentSignerSecret(crypto.newRandomAgentSecret());
  const forged = target.map((each) => ({
    ...each,
    new: Object.fromEntries(
      Object.entries(each.new).map(([session, part]) => [
        session,
        { ...part, lastSignature: crypto.sign(stranger, "not what was written") },
      ]),
    ),
  }));
  return { id: feed.id, frames: encodeSync([...honest, ...forged]) };
}
