import { type CaseClient, type CaseDefinition, Precondition } from "../../../core/case.ts";
import { requirementId } from "../../../core/ids.ts";
import { decodeHubOut, decodeSync } from "../codec.ts";
import {
  accountOf,
  act,
  allShow,
  breach,
  hubAct,
  hubHeard,
  openHub,
  openSpace,
  sendTo,
  SHALL_MS,
  shown,
  syncHeard,
  view,
} from "./support.ts";

const SESS_01 = requirementId("JAZZ-SESS-01");
const ISO_01 = requirementId("JAZZ-ISO-01");
const SEC_01 = requirementId("JAZZ-SEC-01");

/** A frame of the server that is no JSON text of its leg; undefined when all are. */
function strange(client: CaseClient, leg: "sync" | "hub"): string | undefined {
  for (const { from, frame } of client.frames) {
    if (from === "client") continue;
    if (typeof frame !== "string") return `a binary frame of ${frame.length} bytes`;
    const isGood = leg === "hub" ? "message" in decodeHubOut(frame) : decodeSync(frame).every((line) => line.kind !== "malformed");
    if (!isGood) return frame.slice(0, 200);
  }
  return undefined;
}

const texts: CaseDefinition = {
  name: "session/texts",
  title: "Both legs carry JSON texts both ways, and open within 5 s",
  ids: [SESS_01],
  phase: "shared",
  run: async (t) => {
    const startMs = t.nowMs();
    const room = await t.room();
    const first = await t.open({ room });
    t.check(
      SESS_01,
      t.nowMs() - startMs < SHALL_MS,
      breach(t, first, "late", `open and joined within ${SHALL_MS} ms`, `${(t.nowMs() - startMs).toFixed(0)} ms`),
    );
    const second = await t.open({ room });
    await sendTo(t, first, [first, second], "each type once");
    const actions = new Set([first, second].flatMap((client) => syncHeard(client).map((each) => each.action)));
    for (const action of ["content", "known"] as const)
      t.check(SESS_01, actions.has(action), breach(t, second, "absent", `a ${action} from the server`, [...actions].join(", ")));
    for (const client of [first, second]) {
      const bad = strange(client, "sync");
      t.check(SESS_01, bad === undefined, breach(t, client, "malformed", "text frames whose every line is JSON", bad ?? ""));
    }
    if (!t.has("hub")) return;
    const [one, two] = [await openHub(t, first), await openHub(t, second)];
    hubAct(one, { do: "typing", isTyping: true });
    hubAct(one, { do: "status", status: "away" });
    hubAct(one, { do: "hint", id: "co_zM", content: "hello", threadId: "co_zT", createdAt: new Date().toISOString() });
    await t.until(() => hubHeard(two).some((each) => each.type === "message"), SHALL_MS);
    for (const client of [one, two]) {
      const bad = strange(client, "hub");
      t.check(SESS_01, bad === undefined, breach(t, client, "malformed", "JSON texts of the hub", bad ?? ""));
    }
  },
};

const closed: CaseDefinition = {
  name: "isolation/closed-channel",
  title: "A part that may not be read is null and breaks nothing; a non-member gets no plain text and no broadcast",
  ids: [ISO_01],
  phase: "shared",
  limitMs: 60_000,
  run: async (t) => {
    const { clients } = await openSpace(t, 2);
    const [owner, member] = clients;
    if (owner === undefined || member === undefined) throw new Precondition("two are needed");
    for (const name of ["one", "two", "three"]) await act(owner, { do: "channel", name });
    await act(owner, { do: "channel", name: "closed", closed: true });
    await t.until(() => view(member).channels.filter((each) => each !== null).length === 4, SHALL_MS);
    const { channels } = view(member);
    const read = channels.filter((each) => each !== null).length;
    t.check(
      ISO_01,
      channels.length === 5 && read === 4,
      breach(t, member, read < 4 ? "lost" : "leaked", "four channels and one null", `${read} of ${channels.length}`),
    );
    await sendTo(t, owner, clients, "still works");
  },
};

const apart: CaseDefinition = {
  name: "isolation/two-spaces",
  title: "Two spaces at one relay do not mix, on either leg",
  ids: [ISO_01],
  phase: "shared",
  limitMs: 60_000,
  run: async (t) => {
    const here = await openSpace(t, 2);
    const there = await openSpace(t, 2);
    const [author, reader] = here.clients;
    const [stranger, other] = there.clients;
    if (author === undefined || reader === undefined || stranger === undefined || other === undefined)
      throw new Precondition("four are needed");
    const hubs = t.has("hub") ? await Promise.all([author, reader, stranger].map((client) => openHub(t, client))) : [];
    const id = await sendTo(t, author, here.clients, "PLAINTEXT-MARKER of the first space");
    for (const client of here.clients) client.write({ do: "send", content: "here" });
    for (const client of there.clients) client.write({ do: "send", content: "there" });
    hubs[0]?.write({ do: "typing", isTyping: true }, { marker: false });
    await t.sleep(1_000);
    for (const client of there.clients) {
      t.check(ISO_01, shown(client, id) === undefined, breach(t, client, "foreign", "nothing of the other space", "its message is shown"));
      const leak = syncHeard(client).some((each) => "id" in each && each.id === id);
      t.check(ISO_01, !leak, breach(t, client, "leaked", "content of loaded values only", "a value of the other space came unasked"));
      const plain = client.frames.some(
        ({ from, frame }) => from === "server" && typeof frame === "string" && frame.includes("PLAINTEXT-MARKER"),
      );
      t.check(ISO_01, !plain, breach(t, client, "leaked", "no plain text of the other space", "it stands in a frame"));
    }
    const [, inHub, outHub] = hubs;
    if (inHub !== undefined && outHub !== undefined) {
      const account = accountOf(author);
      const names = (client: CaseClient): boolean => hubHeard(client).some((each) => each.type === "typing" && each.userId === account);
      t.check(ISO_01, !names(outHub), breach(t, outHub, "leaked", "no broadcast of another space", "typing came"));
    }
    await t.judge({ isolation: ISO_01 });
  },
};

const stranger: CaseDefinition = {
  name: "isolation/non-member",
  title: "Who has no role in a space's group reads nothing of it and is refused by the hub",
  ids: [ISO_01],
  phase: "shared",
  limitMs: 60_000,
  run: async (t) => {
    const { clients } = await openSpace(t, 2);
    const [owner, client] = clients;
    if (owner === undefined || client === undefined) throw new Precondition("two are needed");
    const { id } = await act(owner, { do: "private", content: "PLAINTEXT-MARKER for members" });
    await t.until(() => owner.seen.some((each) => each.kind === "accepted"), SHALL_MS);
    await act(client, { do: "load", id });
    await t.sleep(1_000);
    const plain = client.frames.some(
      ({ from, frame }) => from === "server" && typeof frame === "string" && frame.includes("PLAINTEXT-MARKER"),
    );
    t.check(ISO_01, !plain, breach(t, client, "leaked", "ciphertext only", "plain text stands in a frame"));
    if (!t.has("hub")) return;
    const liar = await openHub(t, client, { byHand: true });
    await t.until(() => hubHeard(liar).length > 0, SHALL_MS);
    const challenge = hubHeard(liar).find((each) => each.type === "challenge");
    if (challenge?.type !== "challenge") throw new Precondition("the hub gave no challenge");
    // The proof is honest; the space is not the sender's.
    const proof = await act(client, { do: "prove", nonce: challenge.nonce });
    const from = liar.frames.length;
    liar.send(JSON.stringify({ type: "hello", account: accountOf(client), space: id, proof: proof.id }));
    await t.until(() => hubHeard(liar, from).length > 0 || !liar.isOpen, SHALL_MS);
    const answer = hubHeard(liar, from)[0];
    t.check(ISO_01, answer?.type !== "ready", breach(t, liar, "not-refused", "refused not-member", JSON.stringify(answer)));
    if (answer?.type === "refused")
      t.check(ISO_01, answer.code === "not-member", breach(t, liar, "wrong-refusal", "not-member", answer.code));
  },
};

const data: CaseDefinition = {
  name: "security/content-is-data",
  title: "Markup comes out byte for byte, and no temporary id or optimistic mark is on the wire",
  ids: [SEC_01],
  phase: "shared",
  run: async (t) => {
    const { clients } = await openSpace(t, 2);
    const [author, reader] = clients;
    if (author === undefined || reader === undefined) throw new Precondition("two are needed");
    for (const content of ["<script>alert('x')</script>", "{{constructor.constructor('x')()}}", "&lt;b&gt; ]]> <!-- --> \\u003c"]) {
      const { id } = await act(author, { do: "send", content });
      await allShow(t, clients, id);
      const message = shown(reader, id);
      if (!t.check(SEC_01, message !== undefined, breach(t, reader, "lost", "the message", "it never came"))) continue;
      t.check(SEC_01, message?.content === content, breach(t, reader, "damaged", content, String(message?.content)));
    }
    const odd = reader.frames.find(
      ({ from, frame }) => from === "server" && typeof frame === "string" && /"(temp|temporary|optimistic|pending)[^"]*":/i.test(frame),
    );
    t.check(SEC_01, odd === undefined, breach(t, reader, "leaked", "no temporary id or optimistic mark", String(odd?.frame).slice(0, 200)));
  },
};

export const sessionCases: readonly CaseDefinition[] = [texts, closed, apart, stranger, data];
