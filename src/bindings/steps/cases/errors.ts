import { type CaseDefinition, Precondition } from "../../../core/case.ts";
import { requirementId } from "../../../core/ids.ts";
import { canonicalJson, own } from "../json.ts";
import type { StepJson } from "../messages.ts";
import type { Kit } from "./kit.ts";
import { insert, mustWrite, type Peer, SOON_MS, type Table, withPeers } from "./peer.ts";

const FORM = requirementId("STEP-ERR-01");
const STEPS = requirementId("STEP-ERR-02");
const INPUT = requirementId("STEP-ERR-03");

/** Refusals: their form, bad steps, bad frames. */
export function errorCases(kit: Kit): readonly CaseDefinition[] {
  return [
    {
      name: "errors/form",
      title: "Errors have a code, a text and a time, and codes tell causes apart",
      ids: [FORM],
      phase: "shared",
      limitMs: 60_000,
      run: (t) => withPeers(t, kit, (table) => form(table)),
    },
    {
      name: "errors/steps",
      title: "Every bad step is refused before anything is applied",
      ids: [STEPS],
      phase: "shared",
      limitMs: 90_000,
      run: (t) => withPeers(t, kit, (table) => badSteps(table)),
    },
    {
      name: "errors/input",
      title: "Unusable input is answered, and the connection stays usable",
      ids: [INPUT],
      phase: "shared",
      limitMs: 60_000,
      run: (t) => withPeers(t, kit, (table) => input(table)),
    },
  ];
}

type Cause = readonly [name: string, act: (peer: Peer) => void];

async function form({ t, member, stranger }: Table): Promise<void> {
  const room = await t.room();
  const ann = await member(room);
  const far = await stranger(room);
  const steps =
    (version: number, text = "e", userId = ann.id) =>
    (peer: Peer) =>
      peer.send({ type: "steps", steps: [insert(1, text)], version, userId });
  const causes: readonly Cause[] = [
    ["no JSON", (peer) => peer.raw("{oops")],
    ["no type", (peer) => peer.raw("{}")],
    ["an unknown type", (peer) => peer.raw('{"type":"nope"}')],
    ["a second join", (peer) => peer.send({ type: "join", userId: peer.id })],
    ["another's name", steps(0, "e", "somebody-else")],
    ["an old version", steps(0)],
    ["a negative version", steps(-1)],
    [
      "a step that does not fit",
      (peer) => peer.send({ type: "steps", steps: [insert(5_000, "e")], version: peer.version, userId: peer.id }),
    ],
    [
      "a presence of 100 KiB",
      (peer) => peer.send({ type: "presence", users: new Map([[peer.id, { metadata: { fill: "f".repeat(100_000) } }]]) }),
    ],
  ];
  await mustWrite(ann, [insert(1, "base ")]);
  const codes = new Map<string, string>();
  for (let round = 0; round < 2; round += 1) {
    for (const [name, act] of causes) {
      const from = ann.mark;
      act(ann);
      const heard = await ann.hear(({ type }) => type === "error", from);
      // A server may have no such error, or close: only what it says is judged.
      if (heard === undefined) continue;
      const code = judgeForm(ann, name, heard.fields);
      if (code === undefined) return;
      const before = codes.get(name) ?? code;
      codes.set(name, before);
      if (!t.check(FORM, before === code, ann.breach("wrong-refusal", `${name}: code ${before} again`, code))) return;
    }
  }
  const from = far.mark;
  far.send({ type: "steps", steps: [insert(1, "e")], version: 1, userId: far.id });
  const heard = await far.hear(({ type }) => type === "error", from);
  if (heard !== undefined) codes.set("not joined", judgeForm(far, "not joined", heard.fields) ?? "");
  if (codes.size === 0) throw new Precondition("no error could be caused");
  const shared = [...codes].filter(([name, code]) => [...codes].some(([other, same]) => other !== name && same === code));
  // Causes that are alike may share a code; all of them under one tell nothing apart.
  t.check(
    FORM,
    new Set(codes.values()).size >= Math.min(3, codes.size),
    ann.breach("wrong-refusal", "codes that differ by cause", [...codes].map(([name, code]) => `${name}: ${code}`).join(", ")),
  );
  t.report(
    FORM,
    `${codes.size} causes, ${new Set(codes.values()).size} codes${shared.length > 0 ? `; shared by ${shared.map(([name]) => name).join(", ")}` : ""}`,
  );
}

/** The code of a well-formed error. */
function judgeForm(peer: Peer, name: string, fields: Readonly<Record<string, unknown>>): string | undefined {
  const isDocumented = peer.t.target.dialect === "documented";
  const [code, text, timestamp] = [fields["code"], fields[isDocumented ? "message" : "reason"], fields["timestamp"]];
  const isTimed = !isDocumented || (typeof timestamp === "number" && Number.isInteger(timestamp));
  const holds = typeof code === "string" && code !== "" && typeof text === "string" && text !== "" && isTimed;
  peer.t.check(FORM, holds, peer.breach("malformed", `${name}: an error with code, text and time`, JSON.stringify(fields).slice(0, 300)));
  return holds ? code : undefined;
}

async function badSteps({ t, members }: Table): Promise<void> {
  const [ann, ben] = await members(await t.room(), 2);
  if (ann === undefined || ben === undefined) throw new Precondition("nobody joined");
  await mustWrite(ann, [
    insert(1, "hello world"),
    {
      stepType: "replace",
      from: 6,
      to: 6,
      slice: { content: [{ type: "paragraph" }, { type: "paragraph" }], openStart: 1, openEnd: 1 },
      structure: true,
    },
  ]);
  const text = { content: [{ type: "text", text: "z" }] };
  const deep = (levels: number): StepJson => {
    let node: StepJson = { type: "paragraph" };
    for (let n = 0; n < levels; n += 1) node = { type: "blockquote", content: [node] };
    return { stepType: "replace", from: 0, to: 0, slice: { content: [node] } };
  };
  const bad: readonly (readonly [string, unknown])[] = [
    ["an unknown stepType", [{ stepType: "zz" }]],
    ["a stepType of the prototype", [{ stepType: "__proto__" }]],
    ["no stepType", [{}]],
    ["null for a step", [null]],
    ["a position past the end", [{ stepType: "replace", from: 600, to: 600, slice: text }]],
    ["a negative position", [{ stepType: "replace", from: -1, to: 1, slice: text }]],
    ["a fraction for a position", [{ stepType: "replace", from: 1.5, to: 2, slice: text }]],
    ["a range from behind", [{ stepType: "replace", from: 4, to: 2, slice: text }]],
    ["a text for a position", [{ stepType: "replace", from: "1", to: 1, slice: text }]],
    ["a gap outside of its range", [{ stepType: "replaceAround", from: 2, to: 6, gapFrom: 1, gapTo: 7, insert: 0 }]],
    ["a gap from behind", [{ stepType: "replaceAround", from: 0, to: 7, gapFrom: 5, gapTo: 2, insert: 0 }]],
    ["an unknown node", [{ stepType: "replace", from: 1, to: 1, slice: { content: [{ type: "nope" }] } }]],
    ["a node named as an object's own", [{ stepType: "replace", from: 1, to: 1, slice: { content: [{ type: "constructor" }] } }]],
    ["an unknown mark", [{ stepType: "addMark", mark: { type: "nope" }, from: 1, to: 3 }]],
    ["text among blocks", [{ stepType: "replace", from: 0, to: 0, slice: text }]],
    [
      "a paragraph inside of a paragraph",
      [{ stepType: "replace", from: 1, to: 1, slice: { content: [{ type: "paragraph", content: [{ type: "paragraph" }] }] } }],
    ],
    ["an empty text", [{ stepType: "replace", from: 1, to: 1, slice: { content: [{ type: "text", text: "" }] } }]],
    ["nesting ten thousand deep", [deep(5_000)]],
    ["steps that are an object", { length: 1 }],
    ["steps that are a text", "steps"],
    ["no steps", undefined],
  ];
  const before = await ann.doc();
  for (const [name, steps] of bad) {
    const [from, fromBen] = [ann.mark, ben.mark];
    ann.bent({ type: "steps", steps: [], version: before.version, userId: ann.id }, { steps });
    const outcome = await ann.verdict(from);
    if (outcome.kind === "closed") throw new Precondition(`${name}: the connection was closed; the rest could not be tried`);
    const after = await ben.doc();
    const isTaken =
      outcome.kind === "ack" || after.version !== before.version || after.content !== before.content || ben.of("steps", fromBen).length > 0;
    if (!t.check(STEPS, !isTaken, ann.breach("not-refused", `${name}: refused`, `${outcome.kind}; the room is at ${after.version}`)))
      return;
    t.check(STEPS, outcome.kind === "error", ann.breach("silent", `${name}: an error within ${SOON_MS} ms`, outcome.kind));
  }
  const empty = await ann.steps([], before.version);
  await t.sleep(200);
  const after = await ben.doc();
  t.check(
    STEPS,
    empty.kind !== "silent" && after.version === before.version,
    ann.breach("silent", "empty steps confirmed or refused, without change", `${empty.kind}, version ${after.version}`),
  );
}

async function input({ t, member }: Table): Promise<void> {
  const ann = await member(await t.room());
  const frames: readonly (readonly [string, string | Uint8Array])[] = [
    ["{", "{"],
    ["[]", "[]"],
    ["null", "null"],
    ['"x"', '"x"'],
    ["{}", "{}"],
    ["{type:1}", '{"type":1}'],
    ["an unknown type", '{"type":"nope"}'],
    ["a binary frame", new Uint8Array([0, 1, 2, 255])],
  ];
  for (const [name, frame] of frames) {
    const from = ann.mark;
    ann.raw(frame);
    const heard = await ann.hear(({ type }) => type === "error", from);
    if (
      !t.check(INPUT, ann.isOpen, ann.breach("closed", `${name}: the connection stays`, `closed with ${ann.socket.closeCode ?? "nothing"}`))
    )
      return;
    t.check(
      INPUT,
      heard !== undefined,
      ann.breach("silent", `${name}: an error within ${SOON_MS} ms`, canonicalJson(own(ann.heard.at(-1)?.fields ?? {}, "type") ?? null)),
    );
    const good = await ann.steps([insert(1, "g")]);
    if (!t.check(INPUT, good.kind === "ack", ann.breach("silent", `a good step after ${name}: accepted`, good.kind))) return;
  }
}
