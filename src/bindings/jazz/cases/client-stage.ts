import { type CaseClient, type CaseContext, type ClientDriver, type ClientEvent, Precondition } from "../../../core/case.ts";
import type { Json } from "../../../core/op.ts";
import type { CoId } from "../messages.ts";
import { act, SHALL_MS, view } from "./support.ts";

/** A timer and a connection on a busy machine. */
export const SLACK_MS = 150;

/** A message as the client under test shows it. */
export interface Shown {
  readonly id: CoId;
  readonly content: string;
  readonly pending: boolean;
  readonly hint: boolean;
}

/** What is judged of the client's state. */
export interface ClientState {
  readonly connection: { readonly sync: string };
  readonly spaces: Readonly<Record<CoId, { readonly channels: readonly ({ readonly name: string } | null)[] }>>;
  readonly threads: Readonly<Record<CoId, readonly Shown[]>>;
  readonly queue: readonly { readonly type: string; readonly timestamp: number; readonly data: Json }[];
  readonly failed: readonly Json[];
  readonly cacheSize: number;
  readonly messageCount?: number;
  readonly unreadCount?: number;
}

/** What the harness's server has seen of the client under test. */
export interface ServerSide {
  /** Times of connection attempts on the sync leg since the last reset, ms of the server's clock. */
  readonly attempts: readonly number[];
  /** The most sockets of the sync leg that were open at once since the last reset. */
  readonly mostOpen: number;
  /** Values that sockets which came after the last reset have asked for, the first 5,000. */
  readonly loaded: readonly CoId[];
}

/** A harness-owned server, a member of ours in its space, and the client under test in the same space. */
export interface Stage {
  readonly driver: ClientDriver;
  readonly other: CaseClient;
  readonly main: CoId;
  control(order: Readonly<Record<string, Json>>): Promise<ServerSide>;
  state(): Promise<ClientState>;
  shown(): Promise<readonly Shown[]>;
}

export interface StageOptions {
  /** What stands in the space before the client under test comes. */
  readonly before?: (other: CaseClient) => Promise<void>;
  /** How long the client may take to show the space; default 10 s. */
  readonly loadMsMax?: number;
}

/** Sets up a server of the harness's own and has the client under test enter a space there. */
export async function stage(t: CaseContext, options: StageOptions = {}): Promise<Stage> {
  const server = await t.launch({ RELAY: "own", CONTROL: "1", MUTANT: "", TIME_SCALE: "1" });
  const { url } = server;
  if (url === undefined) throw new Precondition("the harness's server did not start");
  const room = await t.room();
  const other = await t.open({ room, url });
  const { main, space, account, secret } = (await act(other, { do: "guest" })) as unknown as Readonly<Record<string, string>>;
  await options.before?.(other);
  const control = async (order: Readonly<Record<string, Json>>): Promise<ServerSide> => {
    const answer = await t.http({ method: "POST", path: "/control", body: JSON.stringify(order) }, undefined, { url });
    if ("failure" in answer || answer.status !== 200) throw new Precondition("the harness's server cannot be controlled");
    return JSON.parse(answer.body) as ServerSide;
  };
  // Our own member has one socket, too: it is told apart by being there before.
  await control({ reset: true });
  const driver = await t.client();
  const ws = url.replace(/^http/, "ws");
  await driver.call("connect", {
    url: `${ws}/`,
    hub: `${ws}/hub`,
    account: { accountID: account ?? "", accountSecret: secret ?? "" },
    space: space ?? "",
  });
  const state = async (): Promise<ClientState> => (await driver.call("state")) as unknown as ClientState;
  const isThere = await t.until(async () => main !== undefined && main in (await state()).threads, options.loadMsMax ?? 2 * SHALL_MS);
  if (!isThere || main === undefined) throw new Precondition("the client under test did not load the space");
  return { driver, other, main, control, state, shown: async () => (await state()).threads[main] ?? [] };
}

/** Contents of the main thread at the harness's own member that begin so, in order. */
export function contentsWith({ other, main }: Pick<Stage, "other" | "main">, prefix: string): readonly string[] {
  return (view(other).threads[main] ?? []).map((each) => each.content).filter((each) => each.startsWith(prefix));
}

/** What the client has told of itself under a name, from an index of its events on. */
export function metricsOf({ events }: ClientDriver, name: string, from = 0): readonly Readonly<Record<string, Json>>[] {
  return events
    .slice(from)
    .filter((each: ClientEvent) => each.event === "metric" && each["name"] === name)
    .flatMap(({ value }) =>
      typeof value === "object" && value !== null && !Array.isArray(value) ? [value as Readonly<Record<string, Json>>] : [],
    );
}
