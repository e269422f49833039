import type { CaseDefinition } from "../../../core/case.ts";
import { requirementId } from "../../../core/ids.ts";
import { createRoom, isSuccess, postRoom } from "./support.ts";

const SEC_01 = requirementId("PLAY-SEC-01");

const credentials: CaseDefinition = {
  name: "security/credentials",
  title: "What identifies a user is found out: no credential, and a bad one",
  ids: [SEC_01],
  phase: "shared",
  run: async (t) => {
    const { roomId } = await createRoom(t);
    const told = (status: number): string => (status === 101 || isSuccess(status) ? `accepted (${status})` : `refused (${status})`);
    const none = await postRoom(t, undefined);
    t.report(SEC_01, `POST /rooms without a credential: ${"failure" in none ? none.failure : told(none.status)}`);
    const bad = await t.http({
      method: "POST",
      path: "/rooms?authToken=nonsense",
      headers: { "content-type": "application/json", authorization: "Bearer nonsense" },
      body: JSON.stringify({ name: "Rollcall room" }),
    });
    t.report(SEC_01, `POST /rooms with a bad credential: ${"failure" in bad ? bad.failure : told(bad.status)}`);
    const path = `${t.basePath}/rooms/${encodeURIComponent(roomId)}/ws`;
    for (const [what, query] of [
      ["without a credential", ""],
      ["with a bad credential", "?authToken=nonsense"],
    ] as const) {
      const { status, closed } = await t.rawUpgrade(`${path}${query}`);
      t.report(SEC_01, `upgrade ${what}: ${told(status)}${closed === undefined ? "" : `, closed ${closed.code}`}`);
    }
  },
};

export const securityCases: readonly CaseDefinition[] = [credentials];
