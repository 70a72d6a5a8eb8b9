import { expect, it } from "vitest";

import { isHoldfastError } from "../../record/errors.ts";
import { resolveOptions } from "./options.ts";
import { targetOf } from "./target.ts";

const plain = {
  mode: "single",
  tls: false,
  username: undefined,
  password: undefined,
  database: 0,
  primary: "",
  query: new Map(),
};

it("reads the address of one server, with and without everything", () => {
  expect(targetOf("redis://")).toEqual({ ...plain, addresses: [{ host: "localhost", port: 6379 }] });
  expect(targetOf("rediss://us%40er:p%3Aass:word@[::1]:7000/3")).toEqual({
    ...plain,
    tls: true,
    username: "us@er",
    password: "p:ass:word",
    database: 3,
    addresses: [{ host: "::1", port: 7000 }],
  });
  expect(targetOf("redis://:only@host")).toMatchObject({ username: undefined, password: "only" });
});

it("reads sentinels with the name of their primary, and nodes of a cluster", () => {
  expect(targetOf("redis+sentinel://one,two:26380/my%20master/2")).toEqual({
    ...plain,
    mode: "sentinel",
    primary: "my master",
    database: 2,
    addresses: [
      { host: "one", port: 26_379 },
      { host: "two", port: 26_380 },
    ],
  });
  expect(targetOf("rediss+cluster://user:pw@a:7000,b:7001")).toMatchObject({
    mode: "cluster",
    tls: true,
    addresses: [
      { host: "a", port: 7000 },
      { host: "b", port: 7001 },
    ],
  });
});

it("refuses what is no address, and never repeats it", () => {
  const wrong = [
    "",
    "http://secret@host",
    "redis:secret",
    "redis://u:secret@one,two",
    "redis://u:secret@ho st",
    "redis://u:secret@host:port",
    "redis://u:secret@host/name",
    "redis://u:secret@host/1/2",
    "redis://u:secret%@host",
    "redis+sentinel://u:secret@host",
    "redis+cluster://u:secret@host/1",
    "redis+other://u:secret@host",
  ];
  for (const url of wrong) {
    const thrown = caught(() => targetOf(url));
    expect(isHoldfastError(thrown, "CONFIGURATION"), url).toBe(true);
    expect(String(thrown)).not.toContain("secret");
  }
});

it("takes prefix and accepted risks from the URL, and options over those", () => {
  const url = "redis://host?prefix=app:&accept=appendonly=no,old-server";
  expect(resolveOptions({ url })).toMatchObject({ prefix: "app:", accept: ["appendonly=no", "old-server"] });
  expect(resolveOptions({ url, prefix: "other:", accept: [] })).toMatchObject({ prefix: "other:", accept: [] });
  expect(resolveOptions({ url: "redis://host" })).toMatchObject({ prefix: "holdfast:", accept: [] });
});

it("names the option that is wrong", () => {
  const url = "redis://u:secret@host";
  const refused = (options: object): string => String(caught(() => resolveOptions({ url, ...options })));
  expect(refused({ prefix: "a{b}" })).toContain("prefix ");
  expect(refused({ accept: ["everything"] })).toContain('accept names "everything"');
  expect(refused({ maxBatch: 0 })).toContain("maxBatch ");
  expect(refused({ pool: 3 })).toContain('"pool" is not an option');
  expect(refused({ url: `${url}?pool=3` })).toContain("prefix and accept");
  expect(refused({ url: `${url}?accept=everything` })).toContain('accept names "everything"');
});

function caught(work: () => unknown): unknown {
  try {
    return work();
  } catch (error) {
    return error;
  }
}
