import { unreachable } from "../../core/errors.ts";
import { createPrng } from "../../core/prng.ts";
import { CLEAR, conditionOf, type Placed } from "./condition.ts";
import { Lane } from "./lane.ts";
import type { ProxyAnswer, ProxyCommand } from "./messages.ts";

/** The proxy's process: it carries bytes, and is told over IPC what is to be wrong with the way. Ends with its parent. */
const lanes: Lane[][] = [];
const placed = new Map<number, Placed>();

function tell(answer: ProxyAnswer): void {
  process.send?.(answer, undefined, undefined, () => undefined);
}

/** Sets what holds now on the lanes of a rule; gives how many connections that ended. */
function apply({ replicas, lanes: struck }: Pick<Placed, "replicas" | "lanes">): number {
  let ended = 0;
  for (const replica of replicas) {
    for (const lane of struck) {
      const rules = [...placed.values()]
        .filter((each) => each.replicas.includes(replica) && each.lanes.includes(lane))
        .map(({ rule }) => rule);
      ended += lanes[replica]?.[lane]?.set(conditionOf(rules)) ?? 0;
    }
  }
  return ended;
}

async function carryOut(command: ProxyCommand): Promise<Omit<Extract<ProxyAnswer, { kind: "done" }>, "kind" | "id">> {
  switch (command.kind) {
    case "open": {
      const prng = createPrng(`${command.seed}/proxy`);
      const ports: number[][] = [];
      for (const [replica, upstream] of command.upstreams.entries()) {
        const opened = Array.from({ length: command.lanes }, (_, lane) => new Lane(upstream, prng.fork(`${replica}/${lane}`)));
        lanes.push(opened);
        ports.push(await Promise.all(opened.map((lane) => lane.open())));
      }
      return { ports };
    }
    case "begin":
      placed.set(command.fault, command);
      return { ended: apply(command) };
    case "end": {
      const over = placed.get(command.fault);
      placed.delete(command.fault);
      if (over !== undefined) apply(over);
      return {};
    }
    case "heal":
      placed.clear();
      for (const lane of lanes.flat()) lane.set(CLEAR);
      return {};
    default:
      return unreachable(command);
  }
}

// The terminal sends Ctrl-C to the whole group; the parent decides when the proxy ends.
process.on("SIGINT", () => undefined);
process.on("disconnect", () => process.exit(0));
process.on("message", (command: ProxyCommand) => {
  carryOut(command).then(
    (result) => tell({ kind: "done", id: command.id, ...result }),
    (error: unknown) => tell({ kind: "failed", id: command.id, text: error instanceof Error ? error.message : String(error) }),
  );
});
