import { type CaseClient, type CaseDefinition, Precondition } from "../../../core/case.ts";
import { requirementId } from "../../../core/ids.ts";
import { isIsoDate } from "../codec.ts";
import type { HubOut } from "../messages.ts";
import { accountOf, breach, hubAct, hubHeard, openHub, openSpace, SHALL_MS, WATCH_MS } from "./support.ts";

const SESS_02 = requirementId("JAZZ-SESS-02");
const PRES_01 = requirementId("JAZZ-PRES-01");
const PRES_02 = requirementId("JAZZ-PRES-02");
const PRES_03 = requirementId("JAZZ-PRES-03");
const PRES_04 = requirementId("JAZZ-PRES-04");

const TYPING_MS_MAX = 10_000;
const SILENT_MS = 45_000;
/** a sweep comes not after limit + 10 s. */
const SWEEP_MS = 10_000;
/** Timers of a scaled server come near the machine's own delays: never less than this. */
const TOLERANCE_MS = 2_000;

type Heard<Type extends HubOut["type"]> = Extract<HubOut, { readonly type: Type }>;

function heard<Type extends HubOut["type"]>(client: CaseClient, type: Type, from = 0): readonly Heard<Type>[] {
  return hubHeard(client, from).filter((each): each is Heard<Type> => each.type === type);
}

const hint: CaseDefinition = {
  name: "hub/hint",
  title: "A broadcast message has type message and data with id, content, author, threadId and createdAt, unchanged",
  ids: [SESS_02],
  phase: "shared",
  needs: ["hub"],
  run: async (t) => {
    const { clients } = await openSpace(t, 3);
    const [author, ...others] = await Promise.all(clients.map((client) => openHub(t, client)));
    if (author === undefined) throw new Precondition("nobody came to the hub");
    const createdAt = new Date(Date.now() - 12_345).toISOString();
    for (const content of ["hello", "", "<b>&amp;</b>\n👩‍👩‍👧"]) {
      const from = others.map((client) => client.frames.length);
      hubAct(author, { do: "hint", id: `co_zMessage${content.length}`, content, threadId: "co_zThread", createdAt });
      await t.until(() => others.every((client, index) => heard(client, "message", from[index]).length > 0), SHALL_MS);
      for (const [index, client] of others.entries()) {
        const broken = client.seen.find((each) => each.kind === "problem");
        t.check(
          SESS_02,
          broken === undefined,
          breach(t, client, "malformed", "a message that fits the schema", broken?.kind === "problem" ? broken.text : ""),
        );
        const [message] = heard(client, "message", from[index]);
        if (
          !t.check(
            SESS_02,
            message !== undefined || broken !== undefined,
            breach(t, client, "lost", "the hint at every other socket", "it never came"),
          )
        )
          continue;
        if (message === undefined) continue;
        const { data } = message;
        t.check(
          SESS_02,
          isIsoDate(data.createdAt) && data.createdAt === createdAt,
          breach(t, client, "damaged", `createdAt ${createdAt}`, data.createdAt),
        );
        const isSame = data.content === content && data.author === accountOf(author) && data.threadId === "co_zThread";
        t.check(SESS_02, isSame, breach(t, client, "damaged", "the fields as they were sent", JSON.stringify(data).slice(0, 300)));
      }
    }
  },
};

const typing: CaseDefinition = {
  name: "hub/typing",
  title: "Typing comes with user and true or false to all others, told apart by thread, and not to the sender",
  ids: [PRES_01],
  phase: "shared",
  needs: ["hub"],
  run: async (t) => {
    const { clients } = await openSpace(t, 3);
    const [author, ...others] = await Promise.all(clients.map((client) => openHub(t, client)));
    if (author === undefined) throw new Precondition("nobody came to the hub");
    for (const [isTyping, threadId] of [
      [true, "co_zA"],
      [true, "co_zB"],
      [false, "co_zA"],
      [false, "co_zB"],
    ] as const) {
      const from = others.map((client) => client.frames.length);
      const own = author.frames.length;
      hubAct(author, { do: "typing", isTyping, threadId });
      await t.until(() => others.every((client, index) => heard(client, "typing", from[index]).length > 0), WATCH_MS);
      for (const [index, client] of others.entries()) {
        const [message] = heard(client, "typing", from[index]);
        if (
          !t.check(PRES_01, message !== undefined, breach(t, client, "lost", `typing ${isTyping} within ${WATCH_MS} ms`, "it never came"))
        )
          continue;
        const isSame = message?.userId === accountOf(author) && message.isTyping === isTyping && message.threadId === threadId;
        t.check(PRES_01, isSame, breach(t, client, "damaged", `typing ${isTyping} in ${threadId}`, JSON.stringify(message)));
      }
      t.check(
        PRES_01,
        heard(author, "typing", own).length === 0,
        breach(t, author, "leaked", "nothing of it at the sender", "it came back"),
      );
    }
  },
};

const typingEnds: CaseDefinition = {
  name: "hub/typing-ends",
  title: "Typing of one who was cut off ends within 10 s, and so does typing on a message",
  ids: [PRES_02],
  phase: "quiet",
  needs: ["hub", "longWaits"],
  limitMs: 90_000,
  run: async (t) => {
    const { clients } = await openSpace(t, 3);
    const [typist, idler, watcher] = await Promise.all(clients.map((client) => openHub(t, client)));
    if (typist === undefined || idler === undefined || watcher === undefined) throw new Precondition("three are needed");
    const endsOf = (client: CaseClient, from: number): boolean =>
      heard(watcher, "typing", from).some((each) => each.userId === accountOf(client) && !each.isTyping);
    const withinMs = t.scaled(TYPING_MS_MAX) + TOLERANCE_MS;
    for (const [how, client, end] of [
      ["cut off", typist, () => typist.cut()],
      ["silent", idler, () => undefined],
    ] as const) {
      const from = watcher.frames.length;
      hubAct(client, { do: "typing", isTyping: true, threadId: "co_zA" });
      if (!(await t.until(() => heard(watcher, "typing", from).length > 0, SHALL_MS))) throw new Precondition("the typing did not come");
      end();
      await t.until(() => endsOf(client, from), withinMs);
      t.check(
        PRES_02,
        endsOf(client, from),
        breach(t, watcher, "ghost", `typing of one ${how} ends within ${TYPING_MS_MAX} ms`, "it stays on"),
      );
    }
    const from = watcher.frames.length;
    hubAct(idler, { do: "typing", isTyping: true, threadId: "co_zB" });
    hubAct(idler, { do: "hint", id: "co_zM", content: "done", threadId: "co_zB", createdAt: new Date().toISOString() });
    await t.until(() => heard(watcher, "message", from).length > 0, SHALL_MS);
    // A hub may leave this to the clients, which see the message: then the client part is to be asked (J-9).
    t.report(PRES_02, endsOf(idler, from) ? "the hub ends typing on a message" : "typing on a message is left to the clients");
  },
};

const statuses: CaseDefinition = {
  name: "hub/statuses",
  title: "Presence is online on entering, away on request, offline on leaving or silent loss; other values are refused",
  ids: [PRES_03],
  phase: "quiet",
  needs: ["hub", "presence"],
  limitMs: 120_000,
  run: async (t) => {
    const { clients } = await openSpace(t, 3);
    const [first, second, third] = clients;
    if (first === undefined || second === undefined || third === undefined) throw new Precondition("three are needed");
    const watcher = await openHub(t, first);
    const statusOf = (client: CaseClient, from: number): string | undefined =>
      [...heard(watcher, "presence", from)].reverse().find((each) => each.userId === accountOf(client))?.status;
    const expect = async (client: CaseClient, status: string, from: number, withinMs: number): Promise<void> => {
      await t.until(() => statusOf(client, from) === status, withinMs);
      const seen = statusOf(client, from);
      t.check(PRES_03, seen === status, breach(t, watcher, seen === undefined ? "absent" : "damaged", status, seen ?? "nothing"));
    };
    let from = watcher.frames.length;
    const guest = await openHub(t, second);
    await expect(second, "online", from, SHALL_MS);
    from = watcher.frames.length;
    hubAct(guest, { do: "status", status: "away" });
    await expect(second, "away", from, SHALL_MS);
    from = watcher.frames.length;
    guest.send(JSON.stringify({ type: "presence", userId: accountOf(second), status: "invisible" }));
    await t.sleep(WATCH_MS);
    const told = watcher.frames.slice(from).some(({ frame }) => typeof frame === "string" && frame.includes("invisible"));
    t.check(PRES_03, !told, breach(t, watcher, "not-refused", "no status beside the three", "it was told"));
    from = watcher.frames.length;
    if (guest.isOpen) await guest.close();
    await expect(second, "offline", from, SHALL_MS);
    const lost = await openHub(t, third);
    from = watcher.frames.length;
    lost.cut();
    await expect(third, "offline", from, t.has("longWaits") ? t.scaled(SILENT_MS + SWEEP_MS) + TOLERANCE_MS : SHALL_MS);
  },
};

const devices: CaseDefinition = {
  name: "hub/devices",
  title: "A user is offline only when all devices are gone, and a newcomer learns the statuses at once",
  ids: [PRES_04],
  phase: "shared",
  needs: ["hub", "presence"],
  run: async (t) => {
    const { clients } = await openSpace(t, 3);
    const [first, second, third] = clients;
    if (first === undefined || second === undefined || third === undefined) throw new Precondition("three are needed");
    const watcher = await openHub(t, first);
    const one = await openHub(t, second);
    const two = await openHub(t, second);
    const offline = (from: number): boolean =>
      heard(watcher, "presence", from).some((each) => each.userId === accountOf(second) && each.status === "offline");
    const from = watcher.frames.length;
    await one.close();
    await t.sleep(WATCH_MS);
    t.check(PRES_04, !offline(from), breach(t, watcher, "early", "no offline while a device is there", "offline"));
    hubAct(watcher, { do: "status", status: "away" });
    await t.sleep(200);
    const newcomer = await openHub(t, third);
    await t.until(() => heard(newcomer, "ready").length > 0, WATCH_MS);
    const presence = heard(newcomer, "ready")[0]?.presence ?? {};
    t.check(
      PRES_04,
      presence[accountOf(second)] === "online",
      breach(t, newcomer, "absent", "the user that is online", JSON.stringify(presence)),
    );
    t.check(
      PRES_04,
      presence[accountOf(first)] === "away",
      breach(t, newcomer, "absent", "the user that is away", JSON.stringify(presence)),
    );
    const last = watcher.frames.length;
    await two.close();
    await t.until(() => offline(last), SHALL_MS);
    t.check(PRES_04, offline(last), breach(t, watcher, "late", "offline once the last device has gone", "it was never told"));
  },
};

export const hubCases: readonly CaseDefinition[] = [hint, typing, typingEnds, statuses, devices];
