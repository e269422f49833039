import { createServer, type RequestListener } from "node:http";
import { createServer as createNetServer } from "node:net";
import type { AddressInfo, Server } from "node:net";
import { afterEach, expect, test } from "vitest";
import type { Credential } from "../../core/session.ts";
import { requestHttp } from "./http.ts";

const servers: Server[] = [];

afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

async function listen(server: Server): Promise<string> {
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function ask(url: string, path: string, change: { credential?: Credential; withinMs?: number } = {}): ReturnType<typeof requestHttp> {
  return requestHttp({
    target: { urls: [url], headers: { "x-team": "ci" }, ca: undefined },
    request: { method: "POST", path, body: "{}" },
    withinMs: 2_000,
    bodyBytesMax: 100,
    ...change,
  });
}

const serve = (listener: RequestListener): Promise<string> => listen(createServer(listener));

test("the path goes out as it is, with the target's headers and the credential", async () => {
  const url = await serve((request, response) =>
    response.end(JSON.stringify([request.url, request.headers["x-team"], request.headers["x-who"]])),
  );
  const credential: Credential = { user: "u", headers: { "x-who": "me" }, query: { token: "a b" }, protocols: [] };
  const answer = await ask(url, "/a/../b?x=1", { credential });
  expect("failure" in answer ? answer : JSON.parse(answer.body)).toEqual(["/a/../b?x=1&token=a%20b", "ci", "me"]);
});

test("a redirect is an answer like any other", async () => {
  const url = await serve((_request, response) => response.writeHead(302, { location: "/" }).end());
  expect(await ask(url, "/")).toMatchObject({ status: 302, headers: { location: "/" } });
});

test("an endless or too long answer, silence, garbage and nobody are failures", async () => {
  const long = await serve((_request, response) => response.end("x".repeat(101)));
  expect(await ask(long, "/")).toMatchObject({ failure: "an answer of more than 100 bytes", status: 200 });
  const silent = await listen(createNetServer(() => {}));
  expect(await ask(silent, "/", { withinMs: 50 })).toEqual({ failure: "no answer within 50 ms" });
  const garbage = await listen(createNetServer((socket) => socket.on("error", () => {}).end("not http\r\n\r\n")));
  expect(await ask(garbage, "/")).toHaveProperty("failure");
  expect(await ask("http://127.0.0.1:1", "/")).toHaveProperty("failure");
});

test("an answer that breaks off is a failure", async () => {
  const url = await serve((_request, response) => {
    response.writeHead(200, { "content-length": "50" }).write("half");
    setTimeout(() => response.destroy(), 20);
  });
  expect(await ask(url, "/")).toMatchObject({ status: 200, failure: expect.any(String) });
});
