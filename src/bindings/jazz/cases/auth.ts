import { type CaseClient, type CaseContext, type CaseDefinition, Precondition } from "../../../core/case.ts";
import { requirementId } from "../../../core/ids.ts";
import { valueOf } from "../acts.ts";
import type { CoId } from "../messages.ts";
import { accountOf, act, breach, hubHeard, openHub, openSpace, SHALL_MS, shown, syncHeard, WATCH_MS } from "./support.ts";

const AUTH_01 = requirementId("JAZZ-AUTH-01");

const forged: CaseDefinition = {
  name: "auth/forged-transactions",
  title: "What is signed by another key, or does not hash to its id, is neither kept nor passed on",
  ids: [AUTH_01],
  phase: "shared",
  run: async (t) => {
    const { clients } = await openSpace(t, 2);
    const [forger, reader] = clients;
    if (forger === undefined || reader === undefined) throw new Precondition("two are needed");
    for (const kind of ["signature", "header"] as const) {
      const from = forger.seen.length;
      const op = forger.write(valueOf({ do: "forge", kind, tell: true }), { marker: false });
      const told = await forger.waitFor((each) => each.kind === "snapshot" && each.op === op.id, { from });
      if (told?.kind !== "snapshot") throw new Precondition("nothing was forged");
      const { id } = JSON.parse(told.content) as { readonly id: CoId };
      await t.sleep(WATCH_MS / 4);
      await act(reader, { do: "load", id });
      await t.sleep(WATCH_MS);
      const what = kind === "signature" ? "a transaction signed by another key" : "a value whose header does not hash to its id";
      t.check(AUTH_01, !isCounted(forger, id), breach(t, forger, "not-refused", `${what} is not counted in a known`, "it is counted"));
      const got = syncHeard(reader).some(
        (each) => each.action === "content" && each.id === id && Object.values(each.new).some((part) => part.newTransactions.length > 0),
      );
      t.check(AUTH_01, !got, breach(t, reader, "not-refused", `${what} reaches no reader`, "it came"));
    }
  },
};

/** Whether a `known` says that transactions of the value are held. */
function isCounted(client: CaseClient, id: CoId): boolean {
  return syncHeard(client).some(
    (each) => each.action === "known" && each.id === id && Object.values(each.sessions).some((length) => length > 0),
  );
}

const foreignAuthor: CaseDefinition = {
  name: "auth/foreign-author",
  title: "A message that names another author is shown by no replica as that author's",
  ids: [AUTH_01],
  phase: "shared",
  run: async (t) => {
    const { clients } = await openSpace(t, 3);
    const [liar, victim] = clients;
    if (liar === undefined || victim === undefined) throw new Precondition("two are needed");
    const madeAt = Date.now();
    const probe = await act(liar, { do: "send", content: "honest" });
    const event = {
      kind: "create",
      author: accountOf(victim),
      threadId: probe.main,
      content: "in another's name",
      createdAt: madeAt,
    } as const;
    const { id } = await act(liar, { do: "feed", event });
    await act(liar, { do: "post", value: id, madeAt });
    const last = await act(liar, { do: "send", content: "the last" });
    if (!(await t.until(() => clients.every((client) => shown(client, last.id) !== undefined), SHALL_MS)))
      throw new Precondition("the last message did not come");
    for (const client of clients)
      t.check(
        AUTH_01,
        shown(client, id)?.author !== accountOf(victim),
        breach(t, client, "not-refused", "no message by the victim", "it is shown as the victim's"),
      );
  },
};

const proofs: CaseDefinition = {
  name: "auth/hub-proof",
  title: "The hub refuses no proof, an old one and a foreign one, and tells nobody",
  ids: [AUTH_01],
  phase: "shared",
  needs: ["hub", "hubProof"],
  run: async (t) => {
    const { clients } = await openSpace(t, 2);
    const [watcher, client] = clients;
    if (watcher === undefined || client === undefined) throw new Precondition("two are needed");
    const inside = await openHub(t, watcher);
    const first = await openHub(t, client);
    const proof = proofIn(first);
    const foreign = proofIn(inside);
    await first.close();
    // Its going is told; what is watched for comes after that.
    await t.sleep(300);
    const hello = JSON.parse(String(first.frames.find((each) => each.from === "client")?.frame ?? "{}")) as Readonly<
      Record<string, unknown>
    >;
    const { proof: _, ...bare } = hello;
    for (const [how, frame] of [
      ["no proof", bare],
      ["an old proof", { ...bare, proof }],
      ["a foreign proof", { ...bare, proof: foreign }],
    ] as const) {
      const from = inside.frames.length;
      const liar = await openHub(t, client, { byHand: true });
      await t.until(() => hubHeard(liar).some((each) => each.type === "challenge"), SHALL_MS);
      liar.send(JSON.stringify(frame));
      await judgeRefused(t, liar, how);
      const told = hubHeard(inside, from).filter((each) => each.type === "presence" || each.type === "typing");
      t.check(AUTH_01, told.length === 0, breach(t, inside, "leaked", `nobody hears of ${how}`, JSON.stringify(told[0])));
    }
  },
};

function proofIn(client: CaseClient): unknown {
  const frame = client.frames.find((each) => each.from === "client")?.frame;
  return typeof frame === "string" ? (JSON.parse(frame) as { readonly proof?: unknown }).proof : undefined;
}

async function judgeRefused(t: CaseContext, liar: CaseClient, how: string): Promise<void> {
  const isReady = (): boolean => hubHeard(liar).some((each) => each.type === "ready");
  await t.until(() => isReady() || !liar.isOpen, SHALL_MS);
  if (!t.check(AUTH_01, !isReady(), breach(t, liar, "not-refused", `${how} is refused`, "ready"))) return;
  const refusal = hubHeard(liar).find((each) => each.type === "refused");
  const isNamed = refusal === undefined || (refusal.type === "refused" && refusal.code === "bad-proof");
  t.check(AUTH_01, isNamed, breach(t, liar, "wrong-refusal", `${how}: refused bad-proof`, JSON.stringify(refusal)));
  t.check(AUTH_01, !liar.isOpen, breach(t, liar, "silent", `${how}: refused and closed`, "the socket stays open"));
}

export const authCases: readonly CaseDefinition[] = [forged, foreignAuthor, proofs];
