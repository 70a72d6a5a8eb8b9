import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { removeFolder, type ServerProcess, startServer } from "../lib/server-process.ts";
import { type Caller, faultOf, textOf, valueOf } from "./caller.ts";
import type { Resume } from "./connect.ts";
import {
  expectEndOf,
  expectFilled,
  expectMistakesAnswered,
  expectRepeatsToCountOnce,
  fillSession,
  listedSessions,
  toolNames,
} from "./flows.ts";
import { v1Http } from "./v1.ts";
import { v2Http } from "./v2.ts";

type Kind = {
  readonly name: string;
  readonly revision: string;
  readonly connect: (url: string, resume?: Resume) => Promise<Caller>;
};

const legacy: readonly Kind[] = [
  { name: "v2 client, 2025-11-25", revision: "2025-11-25", connect: (url, resume) => v2Http(url, "2025", resume) },
  { name: "v1 client", revision: "2025-11-25", connect: (url, resume) => v1Http(url, resume) },
];
const modern: Kind = { name: "v2 client, 2026-07-28", revision: "2026-07-28", connect: (url) => v2Http(url, "2026") };

let server: ServerProcess;

beforeAll(async () => {
  server = await startServer();
});

afterAll(async () => {
  await server.stop();
  await removeFolder(server.dir);
});

/** What was going on is lost; the file and the port stay. */
async function killAndRestart(): Promise<void> {
  const { dir, port } = server;
  await server.kill();
  server = await startServer({ dir, port });
}

describe.each([...legacy, modern])("$name over HTTP", ({ connect, revision }) => {
  test("agrees on its revision and finds the tools", async () => {
    await using caller = await connect(server.url);
    expect(caller.revision).toBe(revision);
    expect(await caller.tools()).toEqual(expect.arrayContaining([...toolNames]));
  });

  test("leaves everything in a session and finds it again", async () => {
    await using caller = await connect(server.url);
    const id = await fillSession(caller);
    await expectFilled(caller, id);
    await expectRepeatsToCountOnce(caller, id);
  });

  test("finds everything again after the server was killed, on the same connection and on a new one", async () => {
    await using caller = await connect(server.url);
    const id = await fillSession(caller);
    await killAndRestart();
    await expectFilled(caller, id);
    await using another = await connect(server.url);
    await expectFilled(another, id);
  });

  test("is told in one form what it did wrong", async () => {
    await using caller = await connect(server.url);
    const id = await fillSession(caller);
    await expectMistakesAnswered(caller, id);
    await expectFilled(caller, id);
  });

  test("reaches nothing of a session that was ended, not even after a restart", async () => {
    await using caller = await connect(server.url);
    const id = await fillSession(caller);
    await expectEndOf(caller, id);
    await killAndRestart();
    expect(await faultOf(caller.call("get_context", { session_id: id }))).toMatchObject({ code: "not_found" });
  });
});

describe.each(legacy)("the own session of a connection: $name", ({ connect }) => {
  test("is used where a call names none, and is listed with the others", async () => {
    await using caller = await connect(server.url);
    expect(caller.wireSession).toMatch(/^ses_[A-Za-z0-9_-]+\.[A-Za-z0-9_-]{43}$/);
    const { session_id, value } = await valueOf(caller.call("increment_counter", { name: "own" }));
    expect(value).toBe(1);
    expect(caller.wireSession?.startsWith(`${String(session_id)}.`)).toBe(true);
    expect(await listedSessions(caller)).toContain(session_id);
  });

  test("goes on under the same Mcp-Session-Id after the server was killed", async () => {
    await using caller = await connect(server.url);
    const wireSession = caller.wireSession;
    await valueOf(caller.call("increment_counter", { name: "own", by: 3 }));
    await killAndRestart();
    expect(await valueOf(caller.call("increment_counter", { name: "own", by: 4 }))).toMatchObject({ value: 7 });
    expect(caller.wireSession).toBe(wireSession);
    expect(await caller.tools()).toEqual(expect.arrayContaining([...toolNames]));
  });

  test("is taken up by another client that knows the Mcp-Session-Id", async () => {
    await using caller = await connect(server.url);
    await valueOf(caller.call("increment_counter", { name: "own", by: 3 }));
    await using another = await connect(server.url, resumeOf(caller));
    expect(await valueOf(another.call("increment_counter", { name: "own" }))).toMatchObject({ value: 4 });
  });

  test("is ended by end_session: the answer comes first, and 404 afterwards", async () => {
    await using caller = await connect(server.url);
    const { session_id: id } = await valueOf(caller.call("increment_counter", { name: "own" }));
    expect(await valueOf(caller.call("end_session"))).toEqual({ session_id: id, ended: true });
    await expect(caller.call("increment_counter", { name: "own" })).rejects.toThrow(/404|not found/i);
  });

  test("is ended by DELETE, state and all", async () => {
    const caller = await connect(server.url);
    const resume = resumeOf(caller);
    const id = textOf(await valueOf(caller.call("increment_counter", { name: "own" })), "session_id");
    await caller.end();
    await using late = await connect(server.url, resume);
    await expect(late.call("increment_counter", { name: "own" })).rejects.toThrow(/404|not found/i);
    await using other = await connect(server.url);
    expect(await faultOf(other.call("get_context", { session_id: id }))).toMatchObject({ code: "not_found" });
  });
});

test("a 2026-07-28 call that names no session is told how to get one", async () => {
  await using caller = await modern.connect(server.url);
  const fault = await faultOf(caller.call("increment_counter", { name: "whose" }));
  expect(fault).toMatchObject({ code: "invalid_argument", retryable: false });
  expect(fault.message).toContain("create_session");
});

test("a session made in one era is used in every other", async () => {
  await using first = await modern.connect(server.url);
  const id = await fillSession(first);
  for (const { connect } of legacy) {
    await using caller = await connect(server.url);
    await expectFilled(caller, id);
  }
});

function resumeOf({ wireSession, revision }: Caller): Resume {
  if (wireSession === undefined || revision === undefined) throw new Error("this connection has no wire session");
  return { sessionId: wireSession, protocolVersion: revision };
}
