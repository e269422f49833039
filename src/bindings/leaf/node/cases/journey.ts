import { type CaseContext, type CaseDefinition, Precondition } from "../../../../core/case.ts";
import { id, inLab, type Lab, ask } from "../lab.ts";

/** Each stage of a login (L-2). */
const STAGE_MS_MAX = 10_000;

/** What a stage that fails is called (L-2). */
type Stage = "handle-not-found" | "did-not-found" | "no-pds" | "login-denied" | "leaf-unreachable";

interface Taken {
  readonly stage: string;
  readonly ms: number;
}

class StageFailed extends Error {
  override readonly name = "StageFailed";
}

async function fetchJson(url: string): Promise<unknown> {
  const answer = await fetch(url, { signal: AbortSignal.timeout(STAGE_MS_MAX) });
  if (!answer.ok) throw new StageFailed(`${answer.status} from ${new URL(url).pathname}`);
  return answer.json();
}

function field(value: unknown, name: string): string | undefined {
  const found: unknown = Reflect.get(Object(value), name);
  return typeof found === "string" ? found : undefined;
}

/** The endpoint of the service that ends in `#atproto_pds`. */
function pdsOf(document: unknown): string | undefined {
  const services: unknown = Reflect.get(Object(document), "service");
  if (!Array.isArray(services)) return undefined;
  const found = (services as readonly unknown[]).find((service) => field(service, "id")?.endsWith("#atproto_pds"));
  return field(found, "serviceEndpoint");
}

/** Handle → DID → document → PDS → service token → session → first subscription, each stage timed. */
async function travel(lab: Lab, t: CaseContext): Promise<readonly Taken[]> {
  const { pds, directory } = t;
  if (pds === undefined || directory === undefined) throw new Precondition("there is no PDS beside a directory of the harness's own");
  const user = await pds.user();
  const session = await pds.http(user.id, { method: "GET", path: "/xrpc/com.atproto.server.getSession" });
  const handle = "failure" in session ? undefined : field(JSON.parse(session.body), "handle");
  if (handle === undefined) throw new Precondition("the account has no handle");
  const taken: Taken[] = [];
  const stage = async <T>(name: string, code: Stage, act: () => Promise<T | undefined>): Promise<T> => {
    const fromMs = t.nowMs();
    const done = await act().catch((error: unknown) => new StageFailed(error instanceof Error ? error.message : String(error)));
    const ms = t.nowMs() - fromMs;
    taken.push({ stage: name, ms });
    const failure = done === undefined ? "nothing" : done instanceof StageFailed ? done.message : undefined;
    lab.check(
      "AUTH-07",
      failure === undefined && ms <= STAGE_MS_MAX,
      failure === undefined ? "late" : "wrong-refusal",
      `${name} within ${STAGE_MS_MAX} ms, or ${code}`,
      `${code}: ${failure ?? `${Math.round(ms)} ms`}`,
    );
    if (done === undefined || done instanceof StageFailed) throw new Precondition(`${code}: the journey ended at ${name}`);
    return done;
  };
  const did = await stage("handle to DID", "handle-not-found", async () =>
    field(await fetchJson(`${pds.url}/xrpc/com.atproto.identity.resolveHandle?handle=${handle}`), "did"),
  );
  const document = await stage("DID to document", "did-not-found", async () => fetchJson(`${directory.url}/${did}`));
  await stage("document to PDS", "no-pds", async () => pdsOf(document));
  const token = await stage("service token", "login-denied", () => pds.token(did));
  const socket = await stage("session", "leaf-unreachable", async () => {
    const connected = await lab.connect(token);
    return connected.did === did ? connected : undefined;
  });
  const stream = await stage("stream", "leaf-unreachable", () => lab.stream(socket));
  await stage("subscription", "leaf-unreachable", async () => (await socket.subscribe(stream, ask("log", { start: 1 }))).id);
  return taken;
}

const JOURNEYS = 3;

const journey: CaseDefinition = {
  name: "sign-in/journey",
  title: "From the handle to the first subscription, stage by stage",
  ids: [id("AUTH-07")],
  phase: "shared",
  needs: ["serviceJwt", "pds", "directory"],
  limitMs: 90_000,
  run: inLab(async (lab, t) => {
    const taken: Taken[] = [];
    for (let n = 0; n < JOURNEYS; n += 1) taken.push(...(await travel(lab, t)));
    const stages = [...new Set(taken.map((each) => each.stage))];
    const best = stages.map(
      (stage) => `${stage} ${Math.min(...taken.filter((each) => each.stage === stage).map((each) => each.ms)).toFixed(0)} ms`,
    );
    t.report(id("AUTH-07"), `journey: ${best.join(", ")}`);
  }),
};

export const journeyCases: readonly CaseDefinition[] = [journey];
