import { type CaseClient, type CaseDefinition, Precondition } from "../../../core/case.ts";
import { requirementId } from "../../../core/ids.ts";
import { valueOf } from "../acts.ts";
import { hostile } from "../hostile.ts";
import type { CoId } from "../messages.ts";
import { accountOf, act, breach, hubAct, hubHeard, network, openHub, openSpace, sendTo, SHALL_MS, shown, syncHeard } from "./support.ts";

const ROB_01 = requirementId("JAZZ-ROB-01");
const ROB_02 = requirementId("JAZZ-ROB-02");

const broken: CaseDefinition = {
  name: "robustness/broken-frames",
  title: "Broken frames do not stop the message loop, and others notice nothing",
  ids: [ROB_01],
  phase: "shared",
  limitMs: 120_000,
  run: async (t) => {
    const { clients } = await openSpace(t, 3);
    const [bad, ...others] = clients;
    if (bad === undefined) throw new Precondition("nobody joined");
    await sendTo(t, bad, clients, "before");
    for (const { name, frame } of hostile) {
      bad.send(frame);
      await t.sleep(50);
      if (!bad.isOpen) await network(t, bad, true);
      const { id } = await act(bad, { do: "send", content: `after ${name}` });
      await t.until(() => others.every((client) => shown(client, id) !== undefined), SHALL_MS);
      for (const client of others) {
        t.check(ROB_01, client.isOpen, breach(t, client, "closed", `others notice nothing of ${name}`, "their socket was closed"));
        t.check(ROB_01, shown(client, id) !== undefined, breach(t, client, "lost", `the good message after ${name}`, "it never came"));
        if (!client.isOpen) return;
      }
    }
  },
};

const brokenAtHub: CaseDefinition = {
  name: "robustness/broken-frames-at-hub",
  title: "Broken frames at the hub are refused, and others notice nothing",
  ids: [ROB_01],
  phase: "shared",
  needs: ["hub"],
  limitMs: 120_000,
  run: async (t) => {
    const { clients } = await openSpace(t, 2);
    const [one, two] = clients;
    if (one === undefined || two === undefined) throw new Precondition("two are needed");
    let bad = await openHub(t, one);
    const other = await openHub(t, two);
    for (const { name, frame } of hostile) {
      const from = other.frames.length;
      bad.send(frame);
      await t.sleep(50);
      if (!bad.isOpen) bad = await openHub(t, one);
      hubAct(bad, { do: "hint", id: `co_zAfter${name}`, content: name, threadId: "co_zT", createdAt: new Date().toISOString() });
      await t.until(() => hubHeard(other, from).some((each) => each.type === "message"), SHALL_MS);
      t.check(ROB_01, other.isOpen, breach(t, other, "closed", `others notice nothing of ${name}`, "their socket was closed"));
      if (!other.isOpen) return;
      const heard = hubHeard(other, from).filter((each) => each.type === "message");
      t.check(ROB_01, heard.length > 0, breach(t, other, "lost", `the good message after ${name}`, "it never came"));
      const strayed = hubHeard(other, from).find(
        (each) => each.type === "typing" || (each.type === "message" && each.data.content !== name),
      );
      t.check(ROB_01, strayed === undefined, breach(t, other, "not-refused", `nothing of ${name}`, JSON.stringify(strayed)));
    }
  },
};

const early: CaseDefinition = {
  name: "robustness/edit-before-message",
  title: "An edit for a message not yet received waits for it",
  ids: [ROB_02],
  phase: "shared",
  limitMs: 60_000,
  run: async (t) => {
    const { clients } = await openSpace(t, 2);
    const [author, editor] = clients;
    if (author === undefined || editor === undefined) throw new Precondition("two are needed");
    const probe = await act(author, { do: "send", content: "probe" });
    const madeAt = Date.now();
    const event = { kind: "create", author: accountOf(author), threadId: probe.main, content: "held back", createdAt: madeAt } as const;
    const held = await act(author, { do: "feed", event, held: true });
    await act(editor, { do: "load", id: held.id });
    const from = editor.seen.length;
    const op = editor.write(valueOf({ do: "edit", message: held.id, content: "edited early" }), { marker: false });
    const refusal = editor.seen.slice(from).find((each) => each.kind === "rejected" && each.op === op.id);
    if (refusal !== undefined) t.report(ROB_02, "an edit of a message that is not here is held back by the client until it is");
    await t.sleep(2_000);
    await act(author, { do: "release" });
    await act(author, { do: "post", value: held.id, madeAt });
    await t.until(() => shown(editor, held.id) !== undefined, SHALL_MS);
    if (!t.check(ROB_02, shown(editor, held.id) !== undefined, breach(t, editor, "lost", "the late message", "it never came"))) return;
    await act(editor, { do: "edit", message: held.id, content: "edited early" });
    await t.until(() => clients.every((client) => shown(client, held.id)?.content === "edited early"), SHALL_MS);
    for (const client of clients)
      t.check(
        ROB_02,
        shown(client, held.id)?.content === "edited early",
        breach(t, client, "lost", "the edit in the end result", String(shown(client, held.id)?.content)),
      );
  },
};

const orphans: CaseDefinition = {
  name: "robustness/missing-dependency",
  title: "Of content before its dependency or beyond what is held the relay asks for the rest",
  ids: [ROB_02],
  phase: "shared",
  limitMs: 60_000,
  run: async (t) => {
    const { clients } = await openSpace(t, 1);
    const [sender] = clients;
    if (sender === undefined) throw new Precondition("nobody joined");
    const orphan = await forge(sender, "orphan");
    await t.until(() => syncHeard(sender, orphan.from).some((each) => each.action === "load"), SHALL_MS);
    const asked = syncHeard(sender, orphan.from).some((each) => each.action === "load" && each.id !== orphan.id);
    t.check(ROB_02, asked, breach(t, sender, "silent", "a load of the missing dependency", "nothing was asked for"));
    t.check(
      ROB_02,
      !syncHeard(sender, orphan.from).some(
        (each) => each.action === "known" && each.id === orphan.id && Object.values(each.sessions).some((length) => length > 0),
      ),
      breach(t, sender, "not-refused", "no known of what cannot be verified yet", "it is counted"),
    );
    const gap = await forge(sender, "gap");
    const isCorrection = (): boolean =>
      syncHeard(sender, gap.from).some((each) => each.action === "known" && each.id === gap.id && each.isCorrection === true);
    await t.until(isCorrection, SHALL_MS);
    t.check(ROB_02, isCorrection(), breach(t, sender, "silent", "known isCorrection with the held lengths", "no correction"));
  },
};

async function forge(
  client: CaseClient,
  kind: "orphan" | "gap",
): Promise<{ readonly id: CoId; readonly op: number; readonly from: number }> {
  const from = client.frames.length;
  const seen = client.seen.length;
  const op = client.write(valueOf({ do: "forge", kind, tell: true }), { marker: false });
  const told = await client.waitFor((each) => each.kind === "snapshot" && each.op === op.id, { from: seen });
  if (told?.kind !== "snapshot") throw new Precondition("nothing was sent");
  return { id: (JSON.parse(told.content) as { readonly id: CoId }).id, op: op.id, from };
}

export const robustnessCases: readonly CaseDefinition[] = [broken, brokenAtHub, early, orphans];
