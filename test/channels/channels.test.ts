/** Channels over three real processes: all of them join at once, and who vanishes is dropped after its stay, once. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { durableStores, openDurable } from "../lib/durable-stores.ts";
import { eventually } from "../lib/eventually.ts";
import { startTold, type ToldProcess } from "../lib/told-process.ts";
import type { Command } from "./member.ts";

type Node = ToldProcess<Command>;
type Sent = { readonly recipients: readonly number[]; readonly failures: readonly string[] };
/** What came and went, or a message. */
type Event = {
  readonly position: number;
  readonly type?: string;
  readonly session?: string;
  readonly message?: string;
};

const each = 12;
const long = 3_600_000;

describe.each(durableStores)("a channel on %s", (name) => {
  let nodes: readonly [Node, Node, Node];
  const closing: AsyncDisposable[] = [];

  beforeAll(async () => {
    const store = await openDurable(name);
    closing.unshift(store);
    const start = async (): Promise<Node> => {
      const node = await startTold<Command>("channels/member", [store.url]);
      closing.unshift(node);
      return node;
    };
    nodes = await Promise.all([start(), start(), start()]);
  });

  afterAll(async () => {
    for (const one of closing) await one[Symbol.asyncDispose]();
  });

  /** The same history, whichever process is asked. */
  async function history(command: "presence" | "messages", channel: string): Promise<readonly Event[]> {
    const told = await Promise.all(nodes.map((node) => node.ok<readonly Event[]>({ do: command, channel })));
    expect(told[1]).toEqual(told[0]);
    expect(told[2]).toEqual(told[0]);
    expect(told[0]?.map(({ position }) => position)).toEqual(told[0]?.map((_, index) => index + 1));
    return told[0] ?? [];
  }

  test("that everybody joins and writes to at once tells of each once, in one order", { timeout: 90_000 }, async () => {
    const channel = "crowd";
    const made = await Promise.all(
      nodes.map((node, n) =>
        node.ok<readonly string[]>({ do: "create", labels: Array.from({ length: each }, (_, m) => `${n}.${m}`) }),
      ),
    );
    const everybody = made.flat();
    // Each of them through each process: whoever comes first is told of, and nobody else.
    const failures = await Promise.all(
      nodes.map((node) => node.ok<readonly string[]>({ do: "join", channel, sessions: everybody, stayMs: long })),
    );
    expect(failures.flat()).toEqual([]);
    const arrivals = await history("presence", channel);
    expect(arrivals.map(({ type }) => type)).toEqual(everybody.map(() => "joined"));
    expect(new Set(arrivals.map(({ session }) => session))).toEqual(new Set(everybody));

    const sent = await Promise.all(
      nodes.map((node, n) => node.ok<Sent>({ do: "send", channel, sessions: made[n] ?? [] })),
    );
    expect(sent.flatMap(({ failures }) => failures)).toEqual([]);
    expect(new Set(sent.flatMap(({ recipients }) => recipients))).toEqual(new Set([everybody.length - 1]));
    const messages = await history("messages", channel);
    expect(messages).toHaveLength(everybody.length);
    expect(new Set(messages.map(({ message }) => message))).toEqual(new Set(everybody.map((id) => `from ${id}`)));
  });

  test("drops, once, who vanished: its stay is over, or its session has ended", { timeout: 90_000 }, async () => {
    const channel = "quiet";
    const [one, two, three] = nodes;
    const join = async (node: Node, label: string, stayMs: number): Promise<string> => {
      const sessions = await node.ok<readonly string[]>({ do: "create", labels: [label] });
      expect(await node.ok({ do: "join", channel, sessions, stayMs })).toEqual([]);
      return sessions[0] ?? "";
    };
    const reader = await join(two, "reader", long);
    const ended = await join(three, "ended", long);
    const gone = await join(one, "gone", 1_000);
    await three.ok({ do: "end", session: ended });
    // Only looking: by the clock of the store it is over at some time, and nobody has to have written anything.
    await eventually("who vanished is no member any more", async () => {
      const members = await two.ok<readonly string[]>({ do: "members", channel });
      return members.length === 1 && members[0] === reader;
    });
    const late = await one.tell({ do: "send", channel, sessions: [gone] });
    expect(late).toMatchObject({ ok: { recipients: [], failures: [expect.stringContaining("join it first")] } });

    // All three processes drop them at once, by what their sessions do next.
    const fresh = await Promise.all(nodes.map((node, n) => join(node, `new ${n}`, long)));
    const events = await history("presence", channel);
    const of = (type: string): readonly (string | undefined)[] =>
      events.filter((one) => one.type === type).map(({ session }) => session);
    expect(of("dropped")).toHaveLength(2);
    expect(new Set(of("dropped"))).toEqual(new Set([ended, gone]));
    expect(of("joined")).toEqual(expect.arrayContaining([reader, ended, gone, ...fresh]));
    expect(of("joined")).toHaveLength(6);
    expect(new Set(await one.ok<readonly string[]>({ do: "members", channel }))).toEqual(new Set([reader, ...fresh]));

    // Who left did not vanish; told once, however often it says so.
    const leaving = fresh[0] ?? "";
    const left = await Promise.all(
      nodes.map((node) => node.ok<{ changed: boolean }>({ do: "leave", channel, session: leaving })),
    );
    expect(left.filter(({ changed }) => changed)).toHaveLength(1);
    expect((await history("presence", channel)).filter(({ type }) => type === "left")).toHaveLength(1);
  });
});
