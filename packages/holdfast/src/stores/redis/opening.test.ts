import { expect, it } from "vitest";

import { redisStore } from "./index.ts";
import { connectFor, openFor, owner, storeForThisFile } from "./temporary.test-kit.ts";

const options = storeForThisFile();
const make = { kind: "note", expect: "absent", create: { text: "{}", lifetime: {} } } as const;

it("lets many nodes open an empty server at once", async () => {
  const stores = await Promise.all(Array.from({ length: 8 }, () => openFor(options())));
  await Promise.all(stores.map((store, index) => store.commit(owner, [{ ...make, id: `n${index}` }])));
  expect((await stores[0]?.usage(owner))?.records).toBe(8);
  const first = await stores[0]?.list(owner, "note", { limit: 3, order: "oldest" });
  const rest = await stores[7]?.list(owner, "note", { limit: 9, order: "oldest", after: first?.next });
  expect(rest?.records).toHaveLength(5);
});

it("refuses what a release of another form left", async () => {
  const { url, prefix = "" } = options();
  const own = { url, prefix: `${prefix}other:` };
  await openFor(own);
  const line = await connectFor(url);
  await line.send(["HSET", `${own.prefix}{holdfast}`, "format", "99"]);
  await expect(redisStore(own)).rejects.toMatchObject({ code: "SCHEMA_MISMATCH" });
});

it("says that nobody is there, soon and without the password", async () => {
  const refused = await redisStore({ url: "redis://user:secret@127.0.0.1:1" }).catch((error: unknown) => error);
  expect(refused).toMatchObject({ code: "UNAVAILABLE" });
  expect(String(refused)).not.toContain("secret");
});

it("lays all keys of an owner under one hash tag, and never lets them expire by themselves", async () => {
  const { url, prefix = "" } = options();
  const store = await openFor(options());
  const create = { text: "{}", lifetime: { idleMs: 60_000 } };
  const commitId = { id: "first", digest: "d", origin: "caller" } as const;
  await store.commit(owner, [{ ...make, kind: "tag", id: "t", create }], { commitId });
  const line = await connectFor(url);
  for (const name of ["", ":l", ":x", ":d"]) {
    const key = `${prefix}{${owner}}${name}`;
    expect(await line.send(["EXISTS", key]), key).toBe(1);
    expect(await line.send(["TTL", key]), key).toBe(-1);
  }
  expect(await line.send(["HGET", `${prefix}{${owner}}`, "d/tag/t"])).toBe("{}");
});
