/** What a store has of a principal who used everything there is: all of it is exported, and none of it outlives `forget`. */
import { openStore } from "holdfast";
import { accountAsJson, dumpAsJson, everyRecord, exportOwner, forgetOwner, ownerOfIdentity } from "holdfast/admin";
import type { Store } from "holdfast/contract";
import { describe, expect, onTestFinished, test } from "vitest";

import { durableStores, openDurable } from "../lib/durable-stores.ts";
import { rawDocuments } from "../lib/raw-documents.ts";
import { poll } from "../lib/waiting.ts";
import { alice, hidden, leaveEverything, openEverything } from "./furnish.ts";

const owner = ownerOfIdentity(alice);
/** The digest of who she was, with the numbers that keep versions from being used again: a row, or keys. */
const remains = new RegExp(
  [
    `\\d+ ${owner}( \\d+)+ \\[\\]`,
    `\\(${owner}(,\\d+)+,\\{\\}\\)`,
    `holdfast(-cache)?:\\{${owner}\\}(:[dlx])?`,
    `\\["${owner}"\\]`,
  ]
    .map((line) => `^${line}$`)
    .join("|"),
);

/** Every row and key there is, of both halves where there are two. */
async function everythingIn(url: string, store: Store): Promise<string> {
  const halves = url.startsWith("tiered:") ? url.slice("tiered:".length).split(",") : [url];
  const texts: string[] = [];
  for (const half of halves) {
    await using raw = await rawDocuments(half, store);
    texts.push(await raw.everything());
  }
  return texts.join("\n");
}

async function exported(store: Store): Promise<string> {
  const lines: string[] = [];
  for await (const part of exportOwner(store, owner)) {
    lines.push(JSON.stringify(part.part === "account" ? accountAsJson(part.page) : dumpAsJson(owner, part.dump)));
  }
  return lines.join("\n");
}

describe.each(durableStores)("on %s", (name) => {
  test("whoever used everything is exported whole, and forgotten to the last row", async () => {
    const backing = await openDurable(name);
    onTestFinished(() => backing[Symbol.asyncDispose]());
    await using store = await openStore(backing.url);
    await using everything = await openEverything(store);
    const words = await leaveEverything(everything);
    expect(words.length).toBeGreaterThan(30);

    const before = await everythingIn(backing.url, store);
    const readable = words.filter((word) => !hidden.includes(word));
    expect(readable.filter((word) => !before.includes(word))).toEqual([]);
    const exports = await exported(store);
    expect(readable.filter((word) => !exports.includes(word))).toEqual([]);
    expect(exports).not.toContain("bobs-own");
    const handles: string[] = [];
    for await (const { kind, id } of everyRecord(store, { owner })) {
      // Grants are in others' partitions too, where what is left of them leads nowhere; short names are everybody's.
      if (id.length > 20 && kind !== "grant" && kind !== "holdfast.shared") handles.push(id);
    }

    await forgetOwner(store, owner);
    // The cache's half keeps for seconds that records changed, by handle: so that no late fill brings them back.
    const left = await poll(async () => {
      const text = await everythingIn(backing.url, store);
      return handles.some((handle) => text.includes(handle)) ? undefined : text;
    }, "no row names a record of hers");
    expect(words.filter((word) => left.includes(word))).toEqual([]);
    expect(left).toContain("bobs-own");
    expect(left).not.toContain(alice.subject);
    expect(left.split("\n").filter((line) => line.includes(owner) && !remains.test(line))).toEqual([]);
  });
});
