import { Precondition } from "../../../core/case.ts";
import type { LabAnswer, LabSocket } from "./lab.ts";
import { askToken, breach, directoryOf, handshake, id, join, peerOn, SHALL_MS, signIn, type SyncCase } from "./support.ts";

const FLOOD_S = 10;
const FLOOD_PER_SECOND = 1_000;
/** Requests of the flood that wait for their answer at most. */
const IN_FLIGHT_MAX = 500;
const BUDGET_MS = 200;

const flood: SyncCase = {
  name: "limits/flood",
  title: "A flood of failing logins is bounded and does not slow good users",
  ids: ["ERR-03"],
  phase: "exclusive",
  needs: ["limits", "directory", "processControl"],
  limitMs: 60_000,
  run: async (t, lab) => {
    const { url } = await t.launch({ LIMITS: "on" });
    if (url === undefined) throw new Precondition("no instance");
    const directory = directoryOf(t);
    const user = await directory.user();
    const localAddress = "127.0.0.3";
    const peer = await join(t, lab, { user, url, localAddress });
    const entity = await t.room();
    peer.subscribe(entity);
    const document = lab.document();
    const statuses = new Map<number, number>();
    let inFlight = 0;
    let sent = 0;
    const fromMs = t.nowMs();
    const latencies: number[] = [];
    const tokens: LabAnswer[] = [];
    let nextSecond = 0;
    while (t.nowMs() - fromMs < FLOOD_S * 1_000) {
      const due = Math.floor(((t.nowMs() - fromMs) / 1_000) * FLOOD_PER_SECOND);
      for (; sent < due && inFlight < IN_FLIGHT_MAX; sent += 1) {
        inFlight += 1;
        void askToken(t, lab, "e30.e30.AAAA", { url, localAddress: "127.0.0.2" }).then((answer) => {
          inFlight -= 1;
          statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1);
        });
      }
      if (t.nowMs() - fromMs >= nextSecond * 1_000) {
        nextSecond += 1;
        const update = document.push(`${nextSecond}`);
        const sentMs = t.nowMs();
        peer.send(entity, update);
        void t
          .until(() => peer.count(update) > 0, SHALL_MS)
          .then(
            () => latencies.push(t.nowMs() - sentMs),
            () => undefined,
          );
        if (nextSecond === 5)
          void directory
            .token(user.id)
            .then((jwt) => askToken(t, lab, jwt, { url, localAddress }))
            .then(
              (answer) => tokens.push(answer),
              () => undefined,
            );
      }
      await t.sleep(5);
    }
    await t.until(() => inFlight === 0 && latencies.length === nextSecond && tokens.length === 1, SHALL_MS);
    const limited = statuses.get(429) ?? 0;
    t.check(
      id("ERR-03"),
      limited > 0,
      breach("over-limit", "the bad ones turn to 429", [...statuses].map(([status, count]) => `${status}: ${count}`).join(", ")),
    );
    t.check(
      id("ERR-03"),
      (statuses.get(0) ?? 0) <= sent / 100,
      breach("silent", "the bad ones are answered", `${statuses.get(0) ?? 0} of ${sent} were not`),
    );
    const sorted = latencies.slice().sort((left, right) => left - right);
    const p95 = sorted[Math.floor(sorted.length * 0.95)] ?? sorted.at(-1) ?? Infinity;
    t.check(
      id("ERR-03"),
      p95 <= BUDGET_MS,
      breach("late", `a good user's updates come back within ${BUDGET_MS} ms`, `p95 ${Math.round(p95)} ms`),
    );
    const [token] = tokens;
    t.check(
      id("ERR-03"),
      token?.status === 200 && token.ms <= 1_000,
      breach("late", "a good user's token comes in 1 s", `${token?.status ?? 0} after ${Math.round(token?.ms ?? 0)} ms`),
    );
    t.report(id("ERR-03"), `${sent} bad requests in ${FLOOD_S} s; ${limited} were limited`);
  },
};

const sockets: SyncCase = {
  name: "limits/sockets",
  title: "Connections of one DID are limited, clearly, and others are untouched",
  ids: ["CAP-01"],
  phase: "own",
  needs: ["limits", "directory", "processControl"],
  limitMs: 60_000,
  run: async (t, lab) => {
    const { url } = await t.launch({ LIMITS: "on", TOKENS_PER_MINUTE_MAX: "1000" });
    if (url === undefined) throw new Precondition("no instance");
    const most = t.limit("socketsPerDid", 20);
    const directory = directoryOf(t);
    const user = await directory.user();
    const open = async (who = user): Promise<LabSocket> => handshake(t, lab, who.id, await signIn(t, who, url), { url });
    const kept: LabSocket[] = [];
    let refusal: LabSocket | undefined;
    while (refusal === undefined && kept.length <= most + 5) {
      const socket = await open();
      if (socket.isOpen) kept.push(socket);
      else refusal = socket;
    }
    t.check(
      id("CAP-01"),
      kept.length === most,
      breach(kept.length > most ? "over-limit" : "early", `${most} sockets, then a refusal`, `${kept.length}`),
    );
    if (refusal !== undefined)
      t.check(id("CAP-01"), refusal.status === 429, breach("wrong-refusal", "429", `${refusal.status} ${refusal.body}`));
    const stranger = await open(await directory.user());
    t.check(id("CAP-01"), stranger.isOpen, breach("wrong-refusal", "a second DID is unharmed", `${stranger.status}`));
    t.check(
      id("CAP-01"),
      kept.every((socket) => socket.isOpen),
      breach("closed", "those that were let in stay", "one was closed"),
    );
    kept.pop()?.close();
    let last: LabSocket | undefined;
    const isIn = await t.until(async () => {
      last = await open();
      return last.isOpen;
    }, SHALL_MS);
    t.check(id("CAP-01"), isIn, breach("late", "once one has closed a new one is accepted within 5 s", `${last?.status ?? 0}`));
    const herd = await directory.user();
    const tokens = await Promise.all(Array.from({ length: 50 }, () => signIn(t, herd, url)));
    const all = await Promise.all(tokens.map((token) => handshake(t, lab, herd.id, token, { url })));
    await t.sleep(500);
    const living = all.filter((socket) => socket.isOpen).length;
    t.check(id("CAP-01"), living <= most, breach("over-limit", `of 50 at once never more than ${most}`, `${living}`));
  },
};

const FRAMES_SECONDS = 9;

const rates: SyncCase = {
  name: "limits/rates",
  title: "Tokens and frames of one identity are limited, and it is told when to come back",
  ids: ["CAP-02"],
  phase: "own",
  needs: ["limits", "directory", "processControl"],
  limitMs: 120_000,
  run: async (t, lab) => {
    const { url } = await t.launch({ LIMITS: "on" });
    if (url === undefined) throw new Precondition("no instance");
    const directory = directoryOf(t);
    const [greedy, modest] = [await directory.user(), await directory.user()];
    const most = t.limit("tokensPerMinute", 10);
    const sender = await signIn(t, greedy, url);
    const socket = await handshake(t, lab, greedy.id, sender, { url });
    const fromMs = t.nowMs();
    let refusal: LabAnswer | undefined;
    let given = 1;
    while (refusal === undefined && given <= most + 5) {
      const answer = await askToken(t, lab, await directory.token(greedy.id), { url });
      if (answer.status === 200) given += 1;
      else refusal = answer;
    }
    t.check(id("CAP-02"), refusal !== undefined && given === most, breach("over-limit", `${most} tokens a minute`, `${given}`));
    const retryAfterS = Number(refusal?.headers["retry-after"]);
    if (refusal !== undefined) {
      t.check(id("CAP-02"), refusal.status === 429, breach("wrong-refusal", "429", `${refusal.status} ${refusal.body}`));
      t.check(
        id("CAP-02"),
        retryAfterS > 0 && retryAfterS <= 60,
        breach("absent", "Retry-After of at most a minute", refusal.headers["retry-after"] ?? "none"),
      );
    }
    const other = await askToken(t, lab, await directory.token(modest.id), { url });
    t.check(id("CAP-02"), other.status === 200, () => breach("wrong-refusal", "a second DID is unharmed", `${other.status} ${other.body}`));
    const bystander = await handshake(t, lab, modest.id, await signIn(t, modest, url), { url });
    const peer = peerOn(lab, greedy, socket);
    const entity = await t.room();
    // Far above the figure, so that no second is below it in which the sender was held up.
    const perSecond = t.limit("framesPerSecond", 200) * 3;
    const floodMs = t.nowMs();
    let frames = 0;
    while (socket.isOpen && t.nowMs() - floodMs < FRAMES_SECONDS * 1_000) {
      const due = ((t.nowMs() - floodMs) / 1_000) * perSecond;
      for (; frames < due; frames += 1) peer.unsubscribe(entity);
      await t.sleep(10);
    }
    await t.until(() => socket.closed !== undefined, 1_000);
    t.check(
      id("CAP-02"),
      socket.closed?.code === 4429 || socket.closed?.code === 1008,
      breach(
        "over-limit",
        `${perSecond} frames a second for ${FRAMES_SECONDS} s close the socket (4429)`,
        socket.closed === undefined ? "it stays open" : `closed ${socket.closed.code}`,
      ),
    );
    t.check(id("CAP-02"), bystander.isOpen, breach("closed", "a second DID's socket stays", `closed ${bystander.closed?.code}`));
    if (!(retryAfterS > 0)) return;
    await t.sleep(Math.max(0, retryAfterS * 1_000 + 1_000 - (t.nowMs() - floodMs)));
    const later = await askToken(t, lab, await directory.token(greedy.id), { url });
    t.check(id("CAP-02"), later.status === 200, () =>
      breach(
        "wrong-refusal",
        "after the wait it works again",
        `${later.status} ${later.body} after ${Math.round((t.nowMs() - fromMs) / 1_000)} s`,
      ),
    );
  },
};

/** Figures that one identity may not exceed. */
export const limitCases: readonly SyncCase[] = [rates, sockets];

/** Ends last of those that follow each other: what it slows down is then over. */
export const floodCases: readonly SyncCase[] = [flood];
