import { expect, test } from "vitest";

import { formatEventId, getStreamId, mintPostStreamId, parseEventId } from "./stream-id.ts";
import { formatWireId, hashSecret, mintWireId, parseWireId, secretMatches } from "./wire-id.ts";

test("a wire id is read as it was minted, and nothing else is one", () => {
  for (let i = 0; i < 200; i += 1) {
    const id = mintWireId();
    expect(parseWireId(formatWireId(id))).toEqual(id);
    expect(formatWireId(id)).toMatch(/^[\x21-\x7e]+$/);
  }
  const good = formatWireId(mintWireId());
  for (const odd of [
    "",
    ".",
    `${good}\n`,
    ` ${good}`,
    good.slice(1),
    good.slice(0, -1),
    good.replace(".", ""),
    `${good}.x`,
    "__proto__",
  ]) {
    expect(parseWireId(odd)).toBeUndefined();
  }
});

test("only the secret matches its hash", () => {
  const { secret } = mintWireId();
  expect(secretMatches(secret, hashSecret(secret))).toBe(true);
  expect(secretMatches(mintWireId().secret, hashSecret(secret))).toBe(false);
  expect(secretMatches(secret, secret)).toBe(false);
  expect(secretMatches(secret, "")).toBe(false);
});

test("event ids are letters, digits, hyphens and one underscore, and belong to one session", () => {
  for (let i = 0; i < 200; i += 1) {
    const hash = hashSecret(String(i));
    for (const [streamId, type] of [
      [getStreamId(hash), "get"],
      [mintPostStreamId(hash, "nodeNODE0123"), "post"],
    ] as const) {
      const id = formatEventId(streamId, i + 1);
      expect(id).toMatch(/^[A-Za-z0-9-]+_\d+$/);
      expect(parseEventId(id, hash)).toEqual({ streamId, type, position: i + 1 });
      expect(parseEventId(id, hashSecret("another"))).toBeUndefined();
      expect(parseEventId(`${id.slice(0, 2)}${id[2] === "a" ? "b" : "a"}${id.slice(3)}`, hash)).toBeUndefined();
    }
  }
});
