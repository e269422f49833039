import { after, machineMs } from "./machine-clock.ts";
import { ANSWER_MS_MAX, type LinkPorts } from "./shard-link.ts";

/** The line of a shard of our own engine. */
export function nodeLinkPorts({
  url,
  token,
  signal,
}: {
  readonly url: string;
  readonly token: string;
  readonly signal: AbortSignal | undefined;
}): LinkPorts {
  return {
    exchange: async (name, body) => {
      const answer = await fetch(`${url}/v1/${name}`, {
        method: "POST",
        headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
        body,
        signal: AbortSignal.any([AbortSignal.timeout(ANSWER_MS_MAX), ...(signal === undefined ? [] : [signal])]),
      });
      return { status: answer.status, body: await answer.json() };
    },
    nowMs: machineMs,
    grainMs: 0,
    after,
  };
}
