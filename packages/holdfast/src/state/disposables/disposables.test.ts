import { describe, expect, test, vi } from "vitest";

import { backings } from "../../../../../test/lib/backings.ts";
import { holdfast } from "../../hold.ts";
import { serve } from "../../mcp/serve.ts";
import { localUser, ownerOfPrincipal, type Principal } from "../../security/principal.ts";
import { memoryStore } from "../../stores/memory/index.ts";
import { race } from "../../testing/race.ts";
import { connectionEnd } from "../sessions/connection.ts";

/** Something that notes when it is closed. */
class Thing implements AsyncDisposable {
  static all: Thing[] = [];
  closed = 0;

  constructor() {
    Thing.all.push(this);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.closed += 1;
  }
}

async function opened(options: object = {}) {
  Thing.all = [];
  const store = await memoryStore();
  const errors: unknown[] = [];
  const hold = await holdfast({ store, reap: false, onError: (error) => errors.push(error), ...options });
  const sessions = hold.sessions(localUser);
  const { id } = await sessions.create();
  return {
    store,
    hold,
    sessions,
    errors,
    session: sessions.open(id),
    [Symbol.asyncDispose]: async () => {
      await hold.close();
      await store.close();
    },
  };
}

describe("values of sessions", () => {
  test("one is made however many ask at once, and each session has its own", async () => {
    await using at = await opened();
    const asked = await race(50, () => at.sessions.open(at.session.id).disposable("browser", () => new Thing()));
    expect(new Set(asked.values)).toEqual(new Set(Thing.all));
    expect(Thing.all).toHaveLength(1);
    const other = await at.sessions.create();
    expect(await at.sessions.open(other.id).disposable("browser", () => new Thing())).not.toBe(Thing.all[0]);
    expect(at.hold.counts.disposables).toBe(2);
  });

  test("a make that fails leaves nothing behind, and whoever asked is told", async () => {
    await using at = await opened();
    const failing = await race(5, () =>
      at.session.disposable("file", (): Thing => {
        throw new Error("no such file");
      }),
    );
    expect(failing.errors.map(String)).toEqual(Array.from({ length: 5 }, () => "Error: no such file"));
    expect(at.hold.counts.disposables).toBe(0);
    expect(await at.session.disposable("file", () => new Thing())).toBe(Thing.all[0]);
    expect(at.errors).toEqual([]);
  });

  test("it is closed once, however many reasons there are", async () => {
    const at = await opened();
    const thing = await at.session.disposable("browser", () => new Thing());
    const { session, hold } = at;
    await Promise.allSettled([session.end(), session.dispose("browser"), hold.close(), session.dispose("browser")]);
    await hold.close();
    expect(thing.closed).toBe(1);
    expect(at.hold.counts.disposables).toBe(0);
    await at.store.close();
  });

  test("of two who dispose of it one did", async () => {
    await using at = await opened();
    await at.session.disposable("browser", () => new Thing());
    const both = await Promise.all([at.session.dispose("browser"), at.session.dispose("browser")]);
    expect(both).toEqual([true, false]);
    expect(await at.session.dispose("browser")).toBe(false);
    expect(Thing.all.map(({ closed }) => closed)).toEqual([1]);
  });

  test("the next of its name waits until it is closed", async () => {
    await using at = await opened();
    const order: string[] = [];
    let release: () => void = () => undefined;
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const dispose = async (): Promise<void> => {
      await held;
      order.push("closed");
    };
    await at.session.disposable("file", () => "first", { dispose });
    const disposing = at.session.dispose("file");
    const next = at.session.disposable("file", () => order.push("made again"), { dispose: () => undefined });
    // Asked for after the next one, and answered after it was.
    await at.session.view();
    expect([order, at.hold.counts.disposables]).toEqual([[], 1]);
    release();
    await Promise.all([disposing, next]);
    expect(order).toEqual(["closed", "made again"]);
  });

  test("what was being made as the session ended is closed as soon as it is there, and nobody gets it", async () => {
    await using at = await opened();
    let wanted: AbortSignal | undefined;
    let finish: (thing: Thing) => void = () => undefined;
    const making = at.session.disposable("browser", (signal) => {
      wanted = signal;
      return new Promise<Thing>((resolve) => {
        finish = resolve;
      });
    });
    await vi.waitFor(() => expect(wanted?.aborted).toBe(false));
    await at.session.end();
    await vi.waitFor(() => expect(wanted?.aborted).toBe(true));
    const late = new Thing();
    finish(late);
    await expect(making).rejects.toMatchObject({ code: "NOT_FOUND" });
    await vi.waitFor(() => expect([late.closed, at.hold.counts.disposables]).toEqual([1, 0]));
  });

  test("an end that nobody was told of is seen when the value is there", async () => {
    await using at = await opened();
    const making = at.session.disposable("browser", async () => {
      // No announcement, as where a hint is lost.
      await at.store.commit(ownerOfPrincipal(localUser), connectionEnd(at.session.id).slice(0, 1));
      return new Thing();
    });
    await expect(making).rejects.toMatchObject({ code: "NOT_FOUND" });
    await vi.waitFor(() => expect(Thing.all.map(({ closed }) => closed)).toEqual([1]));
  });

  test("a session that is over, unknown or somebody else's has none", async () => {
    await using at = await opened();
    const bob: Principal = { issuer: "test", subject: "bob", scopes: [] };
    const foreign = at.hold.sessions(bob).open(at.session.id);
    await at.session.disposable("browser", () => new Thing());
    await expect(foreign.disposable("browser", () => new Thing())).rejects.toMatchObject({ code: "NOT_FOUND" });
    expect(await foreign.dispose("browser")).toBe(false);
    expect(await at.sessions.open("nonsense").dispose("browser")).toBe(false);
    await at.session.end();
    await expect(at.session.disposable("browser", () => new Thing())).rejects.toMatchObject({ code: "NOT_FOUND" });
    expect(Thing.all).toHaveLength(1);
  });

  test("a session and a process have so many at a time, and places come back", async () => {
    await using at = await opened({ disposables: { maxPerSession: 2, maxPerNode: 3 } });
    const other = at.sessions.open((await at.sessions.create()).id);
    await at.session.disposable("a", () => new Thing());
    await at.session.disposable("b", () => new Thing());
    await expect(at.session.disposable("c", () => new Thing())).rejects.toMatchObject({ code: "QUOTA_EXCEEDED" });
    await other.disposable("a", () => new Thing());
    await expect(other.disposable("b", () => new Thing())).rejects.toMatchObject({ code: "UNAVAILABLE" });
    // What is there is given all the same.
    expect(await other.disposable("a", () => new Thing())).toBe(Thing.all[2]);
    await at.session.dispose("a");
    await other.disposable("b", () => new Thing());
    expect(Thing.all).toHaveLength(4);
  });

  test("places are kept while values are made: a hundred at once get no more than there are", async () => {
    await using at = await opened({ disposables: { maxPerSession: 5 } });
    const { fulfilled, errors } = await race(100, (n) => at.session.disposable(`value ${n}`, () => new Thing()));
    expect([fulfilled, Thing.all.length]).toEqual([5, 5]);
    expect(errors.every((error) => (error as { code: string }).code === "QUOTA_EXCEEDED")).toBe(true);
  });

  test("a closing that fails or hangs is told and counted, and to nobody a failure", async () => {
    await using at = await opened({ disposables: { closeMs: 20 } });
    await at.session.disposable("fails", () => 1, {
      dispose: () => {
        throw new Error("it is stuck");
      },
    });
    await at.session.disposable("hangs", () => 2, { dispose: () => new Promise(() => undefined) });
    await at.session.end();
    await vi.waitFor(() => expect(at.hold.counts).toMatchObject({ disposables: 0, disposableFailures: 2 }));
    expect(at.errors.map(String)).toEqual([
      "Error: it is stuck",
      "HoldfastError: closing a session's value takes more than 20 ms",
    ]);
  });

  test("a make that takes too long is given up, and what comes of it is closed", async () => {
    await using at = await opened({ disposables: { makeMs: 20, closeMs: 5_000 } });
    const slow = at.session.disposable(
      "browser",
      (signal) =>
        new Promise<Thing>((resolve) => {
          signal.addEventListener("abort", () => resolve(new Thing()));
        }),
    );
    await expect(slow).rejects.toMatchObject({ code: "UNAVAILABLE" });
    await vi.waitFor(() => expect(Thing.all.map(({ closed }) => closed)).toEqual([1]));
    expect(at.errors).toEqual([]);
  });

  test("who asked may go away without taking the value from others", async () => {
    await using at = await opened();
    const leaving = new AbortController();
    let finish: (thing: Thing) => void = () => undefined;
    const make = (): Promise<Thing> =>
      new Promise((resolve) => {
        finish = resolve;
      });
    const first = at.session.disposable("browser", make, { signal: leaving.signal });
    await vi.waitFor(() => expect(at.hold.counts.disposables).toBe(1));
    const second = at.session.disposable("browser", make);
    leaving.abort();
    await expect(first).rejects.toMatchObject({ code: "ABORTED" });
    finish(new Thing());
    expect(await second).toBe(Thing.all[0]);
  });

  test("a value that nothing can close is refused", async () => {
    await using at = await opened();
    // @ts-expect-error -- the types refuse it as well
    await expect(at.session.disposable("number", () => 7)).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
    await expect(at.session.disposable("", () => new Thing())).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
    expect(at.hold.counts.disposables).toBe(0);
  });

  test.each([
    [{ maxPerSessions: 1 }, /maxPerSession/],
    [{ closeMs: 0 }, /closeMs/],
    [{ makeMs: 2 ** 31 }, /makeMs/],
  ])("options that cannot be are refused: %o", async (disposables, message) => {
    await expect(opened({ disposables })).rejects.toThrow(message);
  });

  test("the last app that serves a hold closes them, and the hold itself makes no more", async () => {
    await using at = await opened();
    const [one, two] = [1, 2].map(() => serve(at.hold, { name: "test", version: "1" }, () => undefined));
    const thing = await at.session.disposable("browser", () => new Thing());
    await one?.drain();
    expect(thing.closed).toBe(0);
    await two?.close();
    await two?.close();
    expect(thing.closed).toBe(1);
    await at.session.disposable("browser", () => new Thing());
    await at.hold.close();
    expect(Thing.all.map(({ closed }) => closed)).toEqual([1, 1]);
    await expect(at.session.disposable("browser", () => new Thing())).rejects.toMatchObject({ code: "CLOSED" });
  });

  test("what closes can still write to its session as the process drains", async () => {
    await using store = await memoryStore();
    const hold = await holdfast({ store });
    const { id } = await hold.sessions(localUser).create();
    const session = hold.sessions(localUser).open(id);
    await session.disposable("file", () => "text", { dispose: (text) => session.set("draft", text) });
    await hold.close();
    await using after = await holdfast({ store });
    expect(await after.sessions(localUser).open(id).get("draft")).toMatchObject({ value: "text" });
  });
});

describe.each(backings)("values of sessions of two processes on %s", (_name, makeBacking) => {
  test("an end at the other process closes them here", async () => {
    Thing.all = [];
    await using backing = await makeBacking();
    await using here = await holdfast({ store: await backing.open(), reap: false });
    await using there = await holdfast({ store: await backing.open(), reap: false });
    const { id } = await here.sessions(localUser).create();
    const mine = await here
      .sessions(localUser)
      .open(id)
      .disposable("browser", () => new Thing());
    const theirs = await there
      .sessions(localUser)
      .open(id)
      .disposable("browser", () => new Thing());
    expect(mine).not.toBe(theirs);
    await there.sessions(localUser).open(id).end();
    await vi.waitFor(() => expect([mine.closed, theirs.closed]).toEqual([1, 1]), { timeout: 3_000, interval: 5 });
  });

  test("having one does not keep the session", async () => {
    Thing.all = [];
    await using backing = await makeBacking();
    await using hold = await holdfast({ store: await backing.open(), reap: false, sessions: { idle: "300ms" } });
    const { id } = await hold.sessions(localUser).create();
    const session = hold.sessions(localUser).open(id);
    const thing = await session.disposable("browser", () => new Thing());
    await vi.waitFor(() => expect(thing.closed).toBe(1), { timeout: 3_000, interval: 5 });
    await expect(session.view()).rejects.toMatchObject({ code: "NOT_FOUND" });
  });
});
