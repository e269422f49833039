import { createServer } from "node:net";
import { expect, it } from "vitest";
import { freePort } from "./network.ts";

/** The lowest port that a common system hands out to a connection (Linux; others from 49,152). */
const EPHEMERAL_FIRST = 32_768;

it("a free port is one that no connection is given, and can be listened at", async () => {
  const ports = await Promise.all(Array.from({ length: 50 }, () => freePort()));
  for (const port of ports) {
    expect(port).toBeGreaterThan(1_023);
    expect(port).toBeLessThan(EPHEMERAL_FIRST);
  }
  const server = createServer();
  await new Promise<void>((resolve, reject) => server.once("error", reject).listen(ports[0], "127.0.0.1", resolve));
  await new Promise((resolve) => server.close(resolve));
});
