import type { Area, Binding } from "../../src/core/binding.ts";
import type { Breach, CaseClient, CaseContext, CaseDefinition, ClientOptions } from "../../src/core/case.ts";
import type { RequirementId } from "../../src/core/ids.ts";
import type { Observation } from "../../src/core/observation.ts";
import type { Json } from "../../src/core/op.ts";
import type { Prng } from "../../src/core/prng.ts";
import type { Reason } from "../../src/core/reason.ts";

/** A thing that shall happen happens within this time. */
export const SHALL_MS = 5_000;
/** A thing that shall not happen is watched for this time. */
export const WATCH_MS = 2_000;

/** A general case before it knows the binding: `id` is what the binding's manifest names for the area. */
export interface AreaCase extends Omit<CaseDefinition, "ids" | "run"> {
  readonly area: Area;
  readonly run: (t: CaseContext, id: RequirementId, binding: Binding) => Promise<void>;
}

/** The case for a binding; none when the binding leaves the area out. */
export function forBinding({ area, run, ...rest }: AreaCase, binding: Binding): readonly CaseDefinition[] {
  const id = binding.manifest.areas[area];
  return id === undefined ? [] : [{ ...rest, ids: [id], run: (t) => run(t, id, binding) }];
}

/** For clients of a room that must not end while a case waits: they keep it alive, where the protocol has keepalives. */
export function staying({ manifest }: Binding): Pick<ClientOptions, "keepaliveMs"> {
  return manifest.keepaliveMs === undefined ? {} : { keepaliveMs: manifest.keepaliveMs };
}

/** A write of the binding's own mix. */
export function someWrite(binding: Binding, prng: Prng): Json {
  const names = Object.entries(binding.operations.mix);
  const total = names.reduce((sum, [, weight]) => sum + weight, 0);
  let rest = prng.next() * total;
  for (const [name, weight] of names) {
    rest -= weight;
    if (rest < 0) return binding.operations.make(name, prng);
  }
  return binding.operations.make(names[names.length - 1]?.[0] ?? "", prng);
}

export type Of<Kind extends Observation["kind"]> = Extract<Observation, { readonly kind: Kind }>;

/** What the client has observed of one kind, from an index of `seen` on. */
export function observed<Kind extends Observation["kind"]>(client: CaseClient, kind: Kind, from = 0): readonly Of<Kind>[] {
  return client.seen.slice(from).filter((observation): observation is Of<Kind> => observation.kind === kind);
}

/** Whether an author gets its own writes back as deliveries on this target. */
export function echoes(t: CaseContext, binding: Binding): boolean {
  const flag = "echoToSender";
  return binding.manifest.echo && (binding.manifest.capabilities[flag] === undefined || t.has(flag));
}

/**
 * How many of the marked writes of these authors have been delivered to the client, each counted once: what leaks in
 * from other rooms, or comes twice, must not pass for what is still to come.
 */
export function deliveredCount(client: CaseClient, authors: ReadonlySet<number>): number {
  const keys = new Set<string>();
  for (const { marker } of observed(client, "delivered"))
    if (marker !== undefined && authors.has(marker.author)) keys.add(`${marker.author}:${marker.n}`);
  return keys.size;
}

/** Three times what the largest storm of these cases takes on two busy cores. */
const STORM_MS_MAX = 30_000;

/**
 * Waits until every client has got all writes (without echo its own apart, which must have been answered), or nothing has
 * come for 5 s (X-4: a busy server may pause), at most 30 s. What is missing then is the judgement's matter.
 */
export async function allDelivered(
  t: CaseContext,
  binding: Binding,
  clients: readonly CaseClient[],
  writesOf: ReadonlyMap<CaseClient, number>,
): Promise<void> {
  const total = [...writesOf.values()].reduce((sum, count) => sum + count, 0);
  const authors = new Set([...writesOf.keys()].map(({ number }) => number));
  const hasEcho = echoes(t, binding);
  const isWhole = (client: CaseClient, delivered: number): boolean => {
    const own = writesOf.get(client) ?? 0;
    const answered = (): number => observed(client, "accepted").length + observed(client, "rejected").length;
    return delivered >= total - (hasEcho ? 0 : own) && (binding.manifest.echo || answered() >= own);
  };
  let before = -1;
  let sinceMs = t.nowMs();
  await t.until(() => {
    const counts = clients.map((client) => deliveredCount(client, authors));
    if (clients.every((client, index) => isWhole(client, counts[index] ?? 0))) return true;
    const sum = counts.reduce((left, right) => left + right, 0);
    if (sum !== before) sinceMs = t.nowMs();
    before = sum;
    return t.nowMs() - sinceMs >= SHALL_MS;
  }, STORM_MS_MAX);
}

/** The first snapshot that answers a read of now. */
export async function snapshot(client: CaseClient, withinMs: number = SHALL_MS): Promise<Of<"snapshot"> | undefined> {
  const from = client.seen.length;
  const read = client.read();
  const answer = await client.waitFor((observation) => observation.kind === "snapshot" && observation.op === read.id, { from, withinMs });
  return answer?.kind === "snapshot" ? answer : undefined;
}

/** A breach with a client's last messages as its witness. */
export function breach(t: CaseContext, client: CaseClient, reason: Reason, expected: string, seen: string, last = 8): () => Breach {
  return () => ({ reason, expected, seen, witness: t.witness(client, last) });
}

/** Whether a client was told that something is refused, from an index of `seen` on: by an answer or by a close. */
export function wasRefused(client: CaseClient, from = 0): boolean {
  return (
    client.closed !== undefined ||
    client.seen.slice(from).some((observation) => observation.kind === "rejected" || observation.kind === "disconnected")
  );
}
