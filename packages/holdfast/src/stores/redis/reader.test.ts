import { expect, it } from "vitest";

import type { StoredRecord } from "../../record/record.ts";
import { Client } from "./client.ts";
import { loadDriver } from "./driver.ts";
import { Keys } from "./keys.ts";
import { resolveOptions } from "./options.ts";
import { Reader } from "./reader.ts";
import { assembleScripts } from "./scripts.ts";
import { openFor, owner, storeForThisFile } from "./temporary.test-kit.ts";
import { topologyFor } from "./topologies.ts";
import type { Topology } from "./topology.ts";

const options = storeForThisFile();
const mebibyte = 1024 * 1024;

/** A reader of its own over the real server, and how many characters of documents each of its calls brought. */
async function readerAndItsCalls(): Promise<{ reader: Reader; calls: number[]; close: () => Promise<void> }> {
  const resolved = resolveOptions(options());
  const topology = topologyFor(await loadDriver(), resolved);
  await topology.connect();
  const calls: number[] = [];
  const counting: Topology = {
    connect: () => topology.connect(),
    send: async (key, command) => {
      const answer = await topology.send(key, command);
      calls.push(JSON.stringify(answer).length);
      return answer;
    },
    nodes: () => topology.nodes(),
    linesFor: (channels) => topology.linesFor(channels),
    close: () => topology.close(),
  };
  const reader = new Reader(new Client(counting, assembleScripts()), new Keys(resolved.prefix), () => "+0");
  return { reader, calls, close: () => topology.close() };
}

it("answers many large documents that are read at once in several calls, none of which is large", async () => {
  const store = await openFor(options());
  const sizes = [10, mebibyte, mebibyte, 400_000, 400_000, 400_000, 2 * mebibyte, 10, 10, mebibyte / 2, mebibyte / 2];
  const keys = sizes.map((_size, index) => ({ kind: "note", id: `note${index}` }));
  for (const [index, key] of keys.entries()) {
    const text = String.fromCharCode(97 + index).repeat(sizes[index] ?? 0);
    await store.commit(owner, [{ ...key, expect: "absent", create: { text, lifetime: {} } }]);
  }
  const { reader, calls, close } = await readerAndItsCalls();
  try {
    const absent = { kind: "note", id: "never" };
    const answers = await Promise.all([...keys, absent].map((key) => reader.read(owner, key, {})));
    const records = answers.map(({ record }) => record);
    for (const [index, key] of keys.entries()) {
      expect(records[index]).toMatchObject({ id: key.id } satisfies Partial<StoredRecord>);
      expect(records[index]?.document).toBe(String.fromCharCode(97 + index).repeat(sizes[index] ?? 0));
    }
    expect(records.at(-1)).toBeUndefined();
    // What is larger than a call may be comes alone; the rest shares calls, up to a mebibyte each.
    expect(Math.max(...calls)).toBeLessThan(2.1 * mebibyte);
    expect(calls.filter((characters) => characters > 1.1 * mebibyte)).toHaveLength(1);
    expect(calls.length).toBeLessThan(keys.length);
  } finally {
    await reader.idle();
    await close();
  }
});
