import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { findK6, goFolders, installK6 } from "./k6-find.ts";

const folder = mkdtempSync(join(tmpdir(), "rollcall-find-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** A program that answers as k6 does, or as something else. */
function program(place: string, says: string, name = "k6"): string {
  mkdirSync(join(folder, place), { recursive: true });
  const path = join(folder, place, name);
  writeFileSync(path, `#!/bin/sh\necho '${says}'\n`);
  chmodSync(path, 0o755);
  return path;
}

const bin = "/bin:/usr/bin";

describe("k6", () => {
  it("is K6_BIN, then on the PATH, then where go install puts it", async () => {
    const [named, onPath, inGo] = [program("named", "k6 v1.2.3 (go)"), program("path", "k6 v1.3.0"), program("home/go/bin", "k6 v1.4.0")];
    const home = join(folder, "home");
    const path = `${join(folder, "path")}:${bin}`;
    expect((await findK6({ env: { K6_BIN: named, PATH: path }, home })).command("/x")).toEqual([named]);
    expect((await findK6({ env: { PATH: path }, home })).command("/x")).toEqual([onPath]);
    expect((await findK6({ env: { PATH: bin }, home })).command("/x")).toEqual([inGo]);
    expect(goFolders({ env: { GOPATH: "/a:/b" }, home })).toEqual(["/a/bin", "/b/bin"]);
  });

  it("is not what is too old or something else, and K6_BIN that is none is said", async () => {
    const old = program("old", "k6 v0.57.0");
    await expect(findK6({ env: { K6_BIN: old, PATH: bin }, home: folder })).rejects.toThrow(/no k6 of version 1/);
    await expect(findK6({ env: { PATH: `${join(folder, "old")}:${bin}` }, home: join(folder, "nowhere") })).rejects.toThrow(
      "k6 is not here",
    );
  });

  it("can be a container's", async () => {
    program("docker", "sha256:1", "docker");
    const found = await findK6({ env: { PATH: `${join(folder, "docker")}:${bin}`, K6_IMAGE: "mine/k6" }, home: join(folder, "nowhere") });
    expect(found.command("/work")).toEqual(expect.arrayContaining(["docker", "--volume", "/work:/work", "mine/k6"]));
  });

  it("names all four ways where there is none, and says what an installation lacks", async () => {
    const nowhere = { env: { PATH: bin }, home: join(folder, "nowhere") };
    await expect(findK6(nowhere)).rejects.toMatchObject({
      hint: expect.stringMatching(/K6_BIN.*PATH.*k6 install.*docker pull/s) as string,
    });
    await expect(installK6(() => undefined, { ...nowhere, env: { PATH: folder } })).rejects.toThrow("Go is not here");
  });
});
