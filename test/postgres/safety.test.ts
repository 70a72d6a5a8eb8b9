import { postgresStore } from "holdfast/stores/postgres";
import { expect, it, onTestFinished } from "vitest";

import { startPostgres } from "../lib/servers/postgres.ts";

it("refuses a server that does not flush, naming setting, value and remedy, unless that is accepted by name", async () => {
  const server = await startPostgres(["fsync=off", "full_page_writes=off"]);
  onTestFinished(() => server.stop());
  const { url } = server;
  await expect(postgresStore({ url })).rejects.toMatchObject({
    code: "STORE_UNSAFE",
    message: expect.stringMatching(
      /fsync=off.*set fsync=on.*accept: \["fsync=off"\] in code, or \?accept=fsync=off behind/,
    ),
  });
  await expect(postgresStore({ url, accept: ["fsync=off"] })).rejects.toThrow(
    '["fsync=off", "full_page_writes=off"] in code, or ?accept=fsync=off,full_page_writes=off behind',
  );

  const behind = `${url}?application_name=safety&accept=fsync=off,full_page_writes=off`;
  await using same = await postgresStore({ url: behind });
  expect((await same.health()).warnings.join()).toMatch(/fsync=off.*\(accepted\).*full_page_writes=off.*\(accepted\)/);
  await expect(postgresStore({ url: `${url}?accept=fsync` })).rejects.toMatchObject({
    code: "CONFIGURATION",
    message: expect.stringContaining('accept names "fsync", which is none of fsync=off'),
  });

  await using store = await postgresStore({ url, accept: ["fsync=off", "full_page_writes=off"] });
  expect(store.traits.durability).toBe("process");
  const { ok, durability, warnings } = await store.health();
  expect(ok).toBe(true);
  expect(durability).toContain("not loss of power on its host (fsync=off, full_page_writes=off)");
  expect(warnings.join()).toContain("fsync=off");
});
