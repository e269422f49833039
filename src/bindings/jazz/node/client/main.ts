import { createInterface } from "node:readline";
import { join } from "node:path";
import type { Json } from "../../../../core/op.ts";
import { clientFault } from "./faults.ts";
import { type ClientTarget, RoomyClient } from "./roomy.ts";

/** Our own client as one under test: calls on stdin, answers and events on stdout, one JSON text a line. */
function write(message: Readonly<Record<string, unknown>>): void {
  process.stdout.write(`${JSON.stringify(message)}\n`);
}

const client = new RoomyClient(join(process.cwd(), "client"), clientFault(process.env["CLIENT_FAULT"] ?? ""), (event) =>
  write({ ...event, at: performance.now() }),
);

async function perform(call: string, args: readonly Json[]): Promise<Json> {
  const at = performance.now();
  const [first] = args;
  switch (call) {
    case "connect":
      // Success shows in events.
      client
        .connect(first as unknown as ClientTarget)
        .catch((error: unknown) => write({ event: "notice", at, level: "error", text: String(error) }));
      return { at };
    case "restart":
      await client.restart((first ?? {}) as { readonly offline?: boolean });
      return { at };
    case "disconnect":
      client.disconnect();
      return { at };
    case "setOffline":
      client.setOffline(first === true);
      return { at };
    case "do":
      return { at, ...((await client.do(first as Readonly<Record<string, Json>>)) as object) };
    case "state":
      return client.state();
    default:
      throw new Error(`unknown call ${call}`);
  }
}

createInterface({ input: process.stdin })
  .on("line", (line) => {
    const { id, call, args } = JSON.parse(line) as { readonly id: number; readonly call: string; readonly args: readonly Json[] };
    perform(call, args).then(
      (ok) => write({ id, ok }),
      (error: unknown) => write({ id, error: error instanceof Error ? error.message : String(error) }),
    );
  })
  .on("close", () => process.exit(0));
