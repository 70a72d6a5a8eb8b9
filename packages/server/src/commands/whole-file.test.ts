import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { WholeFile } from "./whole-file.ts";

let dir: string;
let path: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "holdfast-whole-file-"));
  path = join(dir, "alice.jsonl");
});
afterEach(() => rm(dir, { recursive: true }));

/** As on FAT. */
const noLinks = async (): Promise<void> => {
  throw Object.assign(new Error("EPERM: operation not permitted"), { code: "EPERM" });
};

describe.each([
  ["with hard links", undefined],
  ["without hard links", noLinks],
])("a whole file, %s,", (_, makeLink) => {
  it("has its name once it is whole, and nobody else may read it", async () => {
    {
      await using file = await WholeFile.begin(path, makeLink);
      await file.fill(
        (async function* () {
          yield "one\n";
          const [part, ...others] = await readdir(dir);
          expect([part, others]).toEqual([expect.stringMatching(/^holdfast-export-[0-9a-f]{16}\.part$/), []]);
          expect((await stat(join(dir, part ?? ""))).mode & 0o777).toBe(0o600);
          yield "two\n";
        })(),
      );
    }
    expect(await readdir(dir)).toEqual(["alice.jsonl"]);
    expect(await readFile(path, "utf8")).toBe("one\ntwo\n");
    expect((await stat(path)).mode & 0o777).toBe(0o600);
  });

  it("never replaces what took the name while it was written", async () => {
    const filled = (async () => {
      await using file = await WholeFile.begin(path, makeLink);
      await file.fill(
        (async function* () {
          yield "one\n";
          await writeFile(path, "theirs");
        })(),
      );
    })();
    await expect(filled).rejects.toMatchObject({
      code: "CONFIGURATION",
      message: `${path} is there already, and nothing is overwritten; name another file`,
    });
    expect([await readdir(dir), await readFile(path, "utf8")]).toEqual([["alice.jsonl"], "theirs"]);
  });

  it("leaves nothing where its content fails, whose error is told", async () => {
    const filled = (async () => {
      await using file = await WholeFile.begin(path, makeLink);
      await file.fill(
        (async function* () {
          yield "one\n";
          throw new Error("the store broke");
        })(),
      );
    })();
    await expect(filled).rejects.toThrow(`${path} cannot be written: the store broke`);
    expect(await readdir(dir)).toEqual([]);
  });
});

it("is refused before anything is written where the name is taken, or there is no such folder", async () => {
  await writeFile(path, "theirs");
  await expect(WholeFile.begin(path)).rejects.toMatchObject({ code: "CONFIGURATION" });
  await expect(WholeFile.begin(join(dir, "nowhere", "a.jsonl"))).rejects.toMatchObject({
    code: "CONFIGURATION",
    message: `${join(dir, "nowhere", "a.jsonl")} cannot be made: there is no folder ${join(dir, "nowhere")}`,
  });
  expect(await readdir(dir)).toEqual(["alice.jsonl"]);
});
