import { type CaseClient, type CaseContext, type CaseDefinition, Precondition } from "../../../core/case.ts";
import { type RequirementId, requirementId } from "../../../core/ids.ts";
import type { CoId } from "../messages.ts";
import { act, breach, differenceOf, differing, network, openSpace, QUIESCE_MS_MAX, sendTo, SHALL_MS, shown } from "./support.ts";

const CONV_06 = requirementId("JAZZ-CONV-06");
const CONV_08 = requirementId("JAZZ-CONV-08");
const RES_12 = requirementId("JAZZ-RES-12");

function isGone(client: CaseClient, id: CoId): boolean {
  const message = shown(client, id);
  return message?.softDeleted === true && message.content === "";
}

async function judgeDeleted(
  t: CaseContext,
  requirement: RequirementId,
  clients: readonly CaseClient[],
  id: CoId,
  how: string,
): Promise<void> {
  await t.until(() => clients.every((client) => isGone(client, id)), SHALL_MS);
  for (const client of clients)
    t.check(
      requirement,
      isGone(client, id),
      breach(t, client, "ghost", `a deleted message without content (${how})`, JSON.stringify(shown(client, id))),
    );
}

async function judgeSame(t: CaseContext, requirement: RequirementId, clients: readonly CaseClient[], how: string): Promise<void> {
  const bad = await differing(t, clients);
  for (const client of clients)
    t.check(
      requirement,
      !bad.includes(client),
      breach(t, client, "diverged", `one state everywhere (${how})`, differenceOf(clients[0], client)),
    );
}

const wins: CaseDefinition = {
  name: "convergence/deletion-wins",
  title: "A deleted message wins over one not deleted, from whichever side and at whatever time",
  ids: [CONV_06],
  phase: "shared",
  limitMs: 60_000,
  run: async (t) => {
    const { clients } = await openSpace(t, 3);
    const [one, two] = clients;
    if (one === undefined || two === undefined) throw new Precondition("two are needed");
    for (const [how, deleter, editor, lead] of [
      ["deleted by the first, later", one, two, 1_000],
      ["deleted by the first, earlier", one, two, -1_000],
      ["deleted by the second, later", two, one, 1_000],
      ["deleted by the second, earlier", two, one, -1_000],
    ] as const) {
      const id = await sendTo(t, one, clients, how);
      const at = Date.now();
      await Promise.all([
        act(deleter, { do: "delete", message: id, at: at + lead }),
        act(editor, { do: "edit", message: id, content: `edited beside a deletion (${how})`, at }),
      ]);
      await judgeDeleted(t, CONV_06, clients, id, how);
    }
  },
};

const bothSides: CaseDefinition = {
  name: "convergence/deletion-on-both-sides",
  title: "Deletion met by deletion or reaction leads to one state everywhere",
  ids: [CONV_08],
  phase: "shared",
  limitMs: 60_000,
  run: async (t) => {
    const { clients } = await openSpace(t, 3);
    const [one, two] = clients;
    if (one === undefined || two === undefined) throw new Precondition("two are needed");
    const both = await sendTo(t, one, clients, "deleted twice");
    await act(one, { do: "edit", message: both, content: "edit of the first" });
    await act(two, { do: "edit", message: both, content: "edit of the second" });
    const at = Date.now();
    await Promise.all([act(one, { do: "delete", message: both, at }), act(two, { do: "delete", message: both, at: at + 1_000 })]);
    await judgeSame(t, CONV_08, clients, "deleted by both after different edits");
    const reacted = await sendTo(t, one, clients, "deleted and reacted to");
    await Promise.all([
      act(one, { do: "delete", message: reacted }),
      act(two, { do: "react", message: reacted, emoji: "🎉", on: true }),
      act(two, { do: "react", message: reacted, emoji: "👀", on: true }),
    ]);
    await judgeSame(t, CONV_08, clients, "deleted beside reactions");
    for (const client of clients)
      for (const id of [both, reacted])
        t.check(CONV_08, isGone(client, id), breach(t, client, "ghost", "a deleted message", JSON.stringify(shown(client, id))));
  },
};

const offline: CaseDefinition = {
  name: "resume/offline-edits-merge",
  title: "Edits and deletions made offline merge on return like those made online",
  ids: [RES_12],
  phase: "shared",
  limitMs: 90_000,
  run: async (t) => {
    const { clients } = await openSpace(t, 3);
    const [watcher, one, two] = clients;
    if (watcher === undefined || one === undefined || two === undefined) throw new Precondition("three are needed");
    for (const [how, order] of [
      ["the first returns first", [[one], [two]]],
      ["the second returns first", [[two], [one]]],
      ["both return together", [[one, two]]],
    ] as const) {
      const edited = await sendTo(t, watcher, clients, `edited offline, ${how}`);
      const deleted = await sendTo(t, watcher, clients, `deleted offline, ${how}`);
      await network(t, one, false);
      await network(t, two, false);
      await act(one, { do: "edit", message: edited, content: "Edited by client1" });
      await act(two, { do: "edit", message: edited, content: "Edited by client2" });
      await act(one, { do: "edit", message: deleted, content: "edited beside a deletion" });
      await act(two, { do: "delete", message: deleted });
      for (const together of order) {
        await Promise.all(together.map((client) => network(t, client, true)));
        await t.sleep(200);
      }
      const isMerged = (client: CaseClient): boolean => {
        const content = shown(client, edited)?.content ?? "";
        return content.includes("Edited by client1") && content.includes("Edited by client2");
      };
      await t.until(() => clients.every((client) => isMerged(client) && isGone(client, deleted)), QUIESCE_MS_MAX);
      for (const client of clients) {
        t.check(
          RES_12,
          isMerged(client),
          breach(t, client, "lost", `both offline edits (${how})`, JSON.stringify(shown(client, edited)?.content)),
        );
        t.check(
          RES_12,
          isGone(client, deleted),
          breach(t, client, "ghost", `the message deleted offline is gone (${how})`, JSON.stringify(shown(client, deleted))),
        );
      }
      await judgeSame(t, RES_12, clients, how);
    }
  },
};

export const deletionCases: readonly CaseDefinition[] = [wins, bothSides, offline];
