import { type Account, type Library, loadLibrary, type Node, type Peer } from "./library.ts";
import type { SpaceIds } from "./replica-parts.ts";

/** Something that one session of this process makes and the others of it wait for. */
class Shared<T> {
  readonly #made = new Map<string, { readonly promise: Promise<T>; readonly resolve: (value: T) => void }>();

  /** Whether the caller is the one to make it. */
  claim(key: string): boolean {
    if (this.#made.has(key)) return false;
    let resolve: (value: T) => void = () => undefined;
    const promise = new Promise<T>((done) => (resolve = done));
    this.#made.set(key, { promise, resolve });
    return true;
  }

  give(key: string, value: T): void {
    this.#made.get(key)?.resolve(value);
  }

  /** The maker has failed: the next to ask makes it. */
  drop(key: string): void {
    this.#made.delete(key);
  }

  /** Waits for it; a caller that comes before any maker waits for one. */
  async get(key: string, withinMs: number): Promise<T | undefined> {
    const endMs = performance.now() + withinMs;
    for (;;) {
      const made = this.#made.get(key);
      const leftMs = endMs - performance.now();
      if (made !== undefined) return Promise.race([made.promise, pause(leftMs).then(() => undefined)]);
      if (leftMs <= 0) return undefined;
      await pause(Math.min(leftMs, 20));
    }
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, Math.max(0, ms)).unref());
}

/** Label of a room without its number: what one case, or one load run, has in common. */
export function commonOf(label: string): string {
  return label.replace(/^hub:/, "").replace(/-\d+$/, "");
}

/**
 * Accounts and spaces that the sessions of this process share: a user of a case is one account however many devices it
 * has, and a room is one space however many enter it. Ids travel here and not over the wire, as an invitation would.
 */
export const accounts: Shared<Account> = new Shared<Account>();
export const spaces: Shared<SpaceIds> = new Shared<SpaceIds>();

/** A node for a fresh account, or for one more device of an account. */
export async function openNode(
  account: Account | undefined,
  name: string,
  peer: Peer,
): Promise<{ readonly node: Node; readonly account: Account; readonly library: Library }> {
  const library = await loadLibrary();
  const { LocalNode, crypto } = library;
  if (account === undefined) {
    const { node, accountID, accountSecret } = await LocalNode.withNewlyCreatedAccount({ creationProps: { name }, crypto, peers: [peer] });
    return { node, account: { accountID, accountSecret }, library };
  }
  const sessionID = crypto.newRandomSessionID(account.accountID);
  const node = await LocalNode.withLoadedAccount({ ...account, sessionID, crypto, peers: [peer] });
  return { node, account, library };
}

/**
 * Each client stands for a user at an address of its own, as a server behind a proxy sees them. The published server names
 * its peers by address and millisecond: of two from one address in one millisecond the first is closed, which is a finding
 * of its own (`capacity/burst` comes from one address) and must not become the verdict of all other cases.
 */
let addresses = Math.floor(Math.random() * 0xffff) * 0x100;

/** An address that no other client of this process has; of the range for benchmarks (RFC 2544). */
export function ownAddress(): string {
  addresses = (addresses + 1) % 0x1ffff;
  return `198.${18 + (addresses >> 16)}.${(addresses >> 8) & 0xff}.${addresses & 0xff}`;
}
