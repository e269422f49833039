import { Precondition } from "../../../core/case.ts";
import { TOKEN_METHOD, tokenOf } from "../session.ts";
import { askToken, breach, handshake, id, signIn, type SyncCase } from "./support.ts";

const accounts: SyncCase = {
  name: "pds/accounts",
  title: "An account of a real PDS signs in with a token from there, also through the PDS",
  ids: ["AUTH-01", "AUTH-02", "AUTH-09"],
  phase: "own",
  needs: ["pds"],
  limitMs: 60_000,
  run: async (t, lab) => {
    const { pds } = t;
    if (pds === undefined) throw new Precondition("no PDS");
    const user = await pds.user();
    const answer = await askToken(t, lab, await pds.token(user.id));
    t.check(id("AUTH-01"), answer.status === 200, () =>
      breach("wrong-refusal", "a JWT of getServiceAuth gets a token", `${answer.status} ${answer.body}`),
    );
    const socket = await handshake(t, lab, user.id, await signIn(t, user));
    t.check(id("AUTH-02"), socket.isOpen, () => breach("wrong-refusal", "the token opens a socket", `${socket.status} ${socket.body}`));
    const session = await askToken(t, lab, await pds.session(user.id));
    t.check(
      id("AUTH-09"),
      session.status === 403,
      breach("not-refused", "the token of the account's own session is refused", String(session.status)),
    );
    const other = await askToken(t, lab, await pds.token(user.id, { method: "com.example.other" }));
    t.check(id("AUTH-09"), other.status === 403, breach("not-refused", "a token for another method is refused", String(other.status)));
    const service = await lab.service();
    const server = await t.launch({ DID: service.did });
    if (server.url === undefined) throw new Precondition("no instance");
    service.point(server.url);
    const proxied = await pds.http(
      user.id,
      { method: "GET", path: `/xrpc/${TOKEN_METHOD}` },
      { service: `${service.did}#roomy_syncserver` },
    );
    const body = "body" in proxied ? proxied.body : proxied.failure;
    t.check(
      id("AUTH-02"),
      "status" in proxied && proxied.status === 200 && tokenOf(body) !== undefined,
      breach("wrong-refusal", "the token route through the PDS gives a token", body),
    );
    const token = tokenOf(body);
    if (token === undefined) return;
    const through = await handshake(t, lab, user.id, token, { url: server.url });
    t.check(id("AUTH-02"), through.isOpen, () =>
      breach("wrong-refusal", "and that token opens a socket", `${through.status} ${through.body}`),
    );
    await pds.deactivate(user.id);
    const later = await pds.token(user.id).then(
      (jwt) => askToken(t, lab, jwt),
      () => undefined,
    );
    t.report(
      id("AUTH-09"),
      later === undefined ? "a deactivated account gets no token from its PDS" : `a deactivated account: ${later.status}`,
    );
  },
};

/** Through the real thing. */
export const pdsCases: readonly SyncCase[] = [accounts];
