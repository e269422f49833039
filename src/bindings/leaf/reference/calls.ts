import { type CborMap, type CborValue, cidFromText, encodeCbor } from "../dag-cbor.ts";
import { BadArgument, cidOf, optionalText, payloadsOf, queryOf, readArgument, textOf, textOrNull, valueOf } from "./arguments.ts";
import type { DoorFaults } from "./faults.ts";
import { createStreamIdentity, setStreamHandle } from "./plc.ts";
import type { Registry, StreamRecord } from "./registry.ts";
import type { SqlCall, SqlPool } from "./sql-pool.ts";
import { ulid } from "./ulid.ts";

/** One signed-in or anonymous socket, as far as calls need it. */
export interface Caller {
  readonly did: string | undefined;
  /** Whether it showed the shared secret. */
  readonly isServer: boolean;
  /** Subscriptions of this socket, with their streams. */
  readonly subscriptions: Map<string, string>;
}

export interface CallsOptions {
  readonly did: string;
  readonly endpoint: () => string;
  readonly directoryUrl: string | undefined;
  readonly moduleAdmins: ReadonlySet<string>;
  readonly registry: Registry;
  readonly pool: SqlPool;
  readonly faults: DoorFaults;
  /** A subscription of the caller is about to begin: its news are the caller's from now on. */
  readonly subscribed: (caller: Caller, subscription: string) => void;
  readonly unsubscribed: (subscription: string) => Caller | undefined;
}

/** What a call is answered with: bytes of a whole `Result`. */
export type Calls = (caller: Caller, name: string, payload: unknown) => Promise<Uint8Array>;

/** A refusal in words; everything else that is thrown is a fault of the server's. */
class Refusal extends Error {
  override readonly name = "Refusal";
}

/** Subscriptions of one socket: each costs a window's work at every append. */
const SUBSCRIPTIONS_MAX = 1_000;

type Act = (caller: Caller, arg: CborMap, name: string) => Promise<CborValue | Uint8Array>;

const NONE = encodeCbor({ Ok: null });

/** Answers the calls of 2.2; never rejects. */
export function createCalls(options: CallsOptions): Calls {
  const { registry, pool, faults } = options;
  const signedIn = (caller: Caller, name: string, what: string): string => {
    if (caller.did === undefined && !faults.letsIn({ did: caller.did, name })) throw new Refusal(`Only authenticated users can ${what}`);
    return caller.did ?? "did:example:nobody";
  };
  const streamOf = (arg: CborMap): StreamRecord => {
    const record = registry.stream(textOf(arg, "streamDid"));
    if (record === undefined) throw new Refusal("The stream does not exist or has no module");
    return record;
  };
  const owned = (caller: Caller, arg: CborMap, name: string, mayAdmin: boolean): StreamRecord => {
    const record = streamOf(arg);
    const isAdmin = mayAdmin && caller.did !== undefined && options.moduleAdmins.has(caller.did);
    const may = caller.did === record.owner || isAdmin || caller.isServer;
    if (!faults.isOwner({ did: caller.did, name }, may)) throw new Refusal("Only the owner of the stream can do this");
    return record;
  };
  const module = (arg: CborMap): string => {
    const cid = cidOf(arg, "moduleCid");
    if (!registry.hasModule(cid)) throw new Refusal("The module does not exist");
    return cid;
  };
  const sql = async (call: SqlCall): Promise<Uint8Array> => {
    const outcome = await pool.call(call);
    if (!outcome.ok) throw new Refusal(`Error while running stream module: SQLite failure: \`${outcome.error}\``);
    return outcome.result ?? NONE;
  };
  const append = (kind: "append" | "appendState"): Act => {
    return (caller, arg, name) => {
      const own = signedIn(caller, name, "send events");
      const override = optionalText(arg, "userOverride");
      if (override !== undefined && !caller.isServer && !faults.takesOverride)
        throw new Refusal("Only the server itself can send events for others");
      const { did } = streamOf(arg);
      const payloads = payloadsOf(arg, "events");
      return sql({ kind, did, user: override ?? own, payloads });
    };
  };
  const acts: Readonly<Record<string, Act>> = {
    "module/upload": async (caller, arg, name) => {
      signedIn(caller, name, "upload module");
      const bytes = encodeCbor(valueOf(arg, "module"));
      try {
        return { moduleCid: cidFromText(registry.upload(bytes)) ?? null };
      } catch (error) {
        throw new Refusal(error instanceof Error ? error.message : String(error));
      }
    },
    "module/exists": async (_caller, arg) => ({ moduleExists: registry.hasModule(cidOf(arg, "moduleCid")) }),
    "stream/create": async (caller, arg, name) => {
      const owner = signedIn(caller, name, "create streams");
      const moduleCid = module(arg);
      const identity = await createStreamIdentity(options.endpoint(), options.directoryUrl).catch((error: unknown) => {
        throw new Refusal(`The stream's DID could not be made: ${error instanceof Error ? error.message : String(error)}`);
      });
      await sql({ kind: "create", did: identity.did, moduleCid });
      registry.add({ did: identity.did, owner, moduleCid, key: identity.key });
      return { streamDid: identity.did };
    },
    "stream/info": async (_caller, arg) => ({ moduleCid: cidFromText(streamOf(arg).moduleCid) ?? null }),
    "stream/update_module": async (caller, arg, name) => {
      const { did } = owned(caller, arg, name, true);
      const moduleCid = module(arg);
      const answer = await sql({ kind: "update", did, moduleCid });
      registry.setModule(did, moduleCid);
      return answer;
    },
    "stream/event_batch": append("append"),
    "stream/state_event_batch": append("appendState"),
    "stream/clear_state": (caller, arg, name) => sql({ kind: "clearState", did: owned(caller, arg, name, false).did }),
    "stream/query": (caller, arg) => {
      const { did } = streamOf(arg);
      return sql({ kind: "query", did, user: caller.did, request: queryOf(arg) });
    },
    "stream/subscribe_events": async (caller, arg) => {
      const { did } = streamOf(arg);
      const request = queryOf(arg);
      if (caller.subscriptions.size >= SUBSCRIPTIONS_MAX) throw new Refusal(`A socket has ${SUBSCRIPTIONS_MAX} subscriptions at most`);
      const subscription = ulid(Date.now());
      caller.subscriptions.set(subscription, did);
      options.subscribed(caller, subscription);
      try {
        await sql({ kind: "subscribe", did, subscription, user: caller.did, request, isResumed: false });
      } catch (error) {
        caller.subscriptions.delete(subscription);
        options.unsubscribed(subscription);
        throw error;
      }
      return { subscriptionId: subscription };
    },
    "stream/unsubscribe": async (caller, arg) => {
      const subscription = textOf(arg, "subscriptionId");
      const did = caller.subscriptions.get(subscription);
      if (did === undefined && !faults.endsForeign) return { wasSubscribed: false };
      if (faults.keepsAfterEnd && did !== undefined) {
        caller.subscriptions.delete(subscription);
        return { wasSubscribed: true };
      }
      const owner = options.unsubscribed(subscription);
      const of = owner?.subscriptions.get(subscription);
      owner?.subscriptions.delete(subscription);
      if (of !== undefined) pool.end(of, subscription);
      return { wasSubscribed: of !== undefined };
    },
    "stream/set_handle": async (caller, arg, name) => {
      const { did, key } = owned(caller, arg, name, false);
      const handle = textOrNull(arg, "handle");
      if (options.directoryUrl === undefined) throw new Refusal("There is no directory to write the handle to");
      try {
        await setStreamHandle(did, key, handle, options.directoryUrl);
      } catch (error) {
        throw new Refusal(`The handle could not be set: ${error instanceof Error ? error.message : String(error)}`);
      }
      return null;
    },
    "admin/list_streams": async (caller) => {
      if (caller.did === undefined) throw new Refusal("Authentication required");
      if (!caller.isServer) throw new Refusal("Only the server itself can list streams");
      return { streams: registry.dids().map((did) => ({ did })) };
    },
  };
  return async (caller, name, payload) => {
    try {
      const act = Object.hasOwn(acts, name) ? acts[name] : undefined;
      if (act === undefined) throw new Refusal(`There is no event "${name.slice(0, 80)}"`);
      const done = await act(caller, readArgument(payload), name);
      return done instanceof Uint8Array ? done : encodeCbor({ Ok: done });
    } catch (error) {
      const isTold = error instanceof Refusal || error instanceof BadArgument;
      return encodeCbor({ Err: isTold ? error.message : "The server failed" });
    }
  };
}
