import { PassThrough } from "node:stream";
import type { Docker } from "./client.ts";
import { PROJECT_LABEL, STACK_LABEL } from "./owner.ts";

const TAIL_LINES = 200;

/**
 * Gives the lines that the containers of a stack have written to `show`, and with `follow` what they write from now on,
 * until they end. Resolves with the names of those that were there.
 */
export async function stackLogs(
  docker: Docker,
  stack: string,
  options: { readonly service: string | undefined; readonly tail: number | undefined; readonly follow: boolean },
  show: (name: string, line: string) => void,
): Promise<readonly string[]> {
  const lists = await Promise.all(
    [STACK_LABEL, PROJECT_LABEL].map((label) => docker.listContainers({ all: true, filters: { label: [`${label}=${stack}`] } })),
  );
  const containers = lists
    .flat()
    .map(({ Id, Names, Labels }) => ({ id: Id, name: Labels["com.docker.compose.service"] ?? Names[0]?.replace(/^\//, "") ?? Id }))
    .filter(({ name }) => options.service === undefined || name === options.service)
    .toSorted((left, right) => left.name.localeCompare(right.name));
  const read = async ({ id, name }: { readonly id: string; readonly name: string }): Promise<void> => {
    const sink = new PassThrough();
    let partial = "";
    sink.setEncoding("utf8").on("data", (text: string) => {
      const lines = (partial + text).split("\n");
      partial = lines.pop() ?? "";
      for (const line of lines) show(name, line);
    });
    const given = { stdout: true, stderr: true, tail: options.tail ?? TAIL_LINES };
    const handle = docker.getContainer(id);
    if (!options.follow) {
      // All at once, in the engine's framing: eight bytes of head before each piece.
      const bytes = await handle.logs({ ...given, follow: false });
      for (let at = 0; at + 8 <= bytes.length; at += 8 + bytes.readUInt32BE(at + 4))
        sink.write(bytes.subarray(at + 8, at + 8 + bytes.readUInt32BE(at + 4)));
      sink.end();
      await new Promise((resolve) => sink.once("end", resolve));
      return;
    }
    const stream = await handle.logs({ ...given, follow: true });
    handle.modem.demuxStream(stream, sink, sink);
    await new Promise((resolve) => stream.once("end", resolve));
  };
  if (options.follow) await Promise.all(containers.map(read));
  else for (const container of containers) await read(container);
  return containers.map(({ name }) => name);
}
