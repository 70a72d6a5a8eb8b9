import { chmod, chown, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";

import { checkFile } from "./store.ts";

it.skipIf(process.platform === "win32")(
  "warns of files that others read, and of a folder that others write to",
  async () => {
    const folder = await mkdtemp(join(tmpdir(), "holdfast-doctor-"));
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    const path = join(folder, "state.db");
    for (const name of [path, `${path}-wal`, `${path}.keys.json`]) await writeFile(name, "", { mode: 0o600 });
    expect(checkFile(path)).toEqual([{ what: "file", verdict: "good", seen: `${path} has mode 600` }]);
    await chmod(`${path}-wal`, 0o644);
    await chmod(`${path}.keys.json`, 0o640);
    await chmod(folder, 0o777);
    expect(checkFile(path).filter(({ verdict }) => verdict === "warning")).toMatchObject([
      { seen: `${path}-wal has mode 644`, remedy: `others can read it: chmod 600 ${path}-wal` },
      { seen: `${path}.keys.json has mode 640` },
      { seen: expect.stringContaining("has mode 777") as string },
    ]);
    await chmod(folder, 0o700);
    await chmod(`${path}-wal`, 0o600);
    await chmod(`${path}.keys.json`, 0o600);
    if (process.getuid?.() === 0) {
      await chown(`${path}.keys.json`, 12_345, 12_345);
      const seen = `${path}.keys.json belongs to another user (12345)`;
      expect(checkFile(path)).toEqual([
        expect.objectContaining({ verdict: "good" }),
        expect.objectContaining({ seen }),
      ]);
    }
    await chmod(path, 0o604);
    expect(checkFile(path)[0]).toMatchObject({ verdict: "warning", seen: `${path} has mode 604` });
  },
);
