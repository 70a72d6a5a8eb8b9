/** What cannot be had from the servers that tests start: one that is too old, and one that hides its settings. */
import { expect, it } from "vitest";

import type { Connection, Row } from "./driver.ts";
import { requireSafeServer } from "./safety.ts";

const good: Row = {
  version: 150_018,
  name: "15.18",
  recovering: false,
  fsync: "on",
  pages: "on",
  standbys: "",
  encoding: "UTF8",
};

function answering(row: Row): Connection {
  return { query: () => Promise.resolve({ rows: [row] }), on: () => undefined };
}

it("takes a server that is as it comes, without a warning", async () => {
  expect(await requireSafeServer(answering(good), [])).toEqual({
    version: "15.18",
    fsync: true,
    lossy: [],
    hasSynchronousStandby: false,
    warnings: [],
  });
});

it("refuses a server that is too old, naming its version and what to do, unless that is accepted by name", async () => {
  const old = answering({ ...good, version: 130_014, name: "13.14" });
  await expect(requireSafeServer(old, [])).rejects.toMatchObject({
    code: "STORE_UNSAFE",
    message: expect.stringMatching(/13\.14 is older than 14.*update it.*accept: \["old-server"\]/),
    details: { setting: "old-server" },
  });
  const { warnings } = await requireSafeServer(old, ["old-server"]);
  expect(warnings).toEqual([expect.stringContaining("(accepted)")]);
});

it("knows which of the settings it was told to put up with can lose what was acknowledged", async () => {
  const torn = answering({ ...good, pages: "off" });
  expect((await requireSafeServer(torn, ["full_page_writes=off"])).lossy).toEqual(["full_page_writes=off"]);
});

it("warns of a server that hides its settings, and does not claim to know them", async () => {
  const { fsync, warnings } = await requireSafeServer(answering({ ...good, fsync: null, pages: null }), []);
  expect(fsync).toBeUndefined();
  expect(warnings).toEqual([expect.stringContaining("hides its fsync setting")]);
});

it("refuses a standby and an encoding that cannot keep every text, whatever is accepted", async () => {
  const all = ["fsync=off", "full_page_writes=off", "old-server"] as const;
  await expect(requireSafeServer(answering({ ...good, recovering: true }), all)).rejects.toThrow("name the primary");
  await expect(requireSafeServer(answering({ ...good, encoding: "LATIN1" }), all)).rejects.toThrow("LATIN1");
});
