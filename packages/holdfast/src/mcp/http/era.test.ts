import {
  CLIENT_CAPABILITIES_META_KEY,
  CLIENT_INFO_META_KEY,
  classifyInboundRequest,
  PROTOCOL_VERSION_META_KEY,
} from "@modelcontextprotocol/server";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { eraOf, namesStatelessEra } from "./era.ts";

const version = fc.constantFrom<unknown>("2026-07-28", "2025-11-25", "2027-01-01", "", 7, null);
const meta = fc.record(
  {
    [PROTOCOL_VERSION_META_KEY]: version,
    [CLIENT_INFO_META_KEY]: fc.constantFrom<unknown>({ name: "c", version: "1" }, "odd"),
    [CLIENT_CAPABILITIES_META_KEY]: fc.constantFrom<unknown>({}, []),
    progressToken: fc.constant(1),
  },
  { requiredKeys: [] },
);
const params = fc.oneof(
  fc.constantFrom<unknown>(undefined, null, [], "text"),
  fc.record(
    { _meta: fc.oneof(meta, fc.constantFrom<unknown>(null, [], "x")), name: fc.constant("t") },
    { requiredKeys: [] },
  ),
);
const message = fc.record(
  {
    jsonrpc: fc.constantFrom("2.0", "2.0", "2.0", "1.0"),
    id: fc.constantFrom<unknown>(1, "a", null),
    method: fc.constantFrom<unknown>("initialize", "tools/call", "notifications/initialized", "server/discover", 5),
    params,
  },
  { requiredKeys: ["jsonrpc"] },
);
const body = fc.oneof(
  { weight: 6, arbitrary: message },
  { weight: 1, arbitrary: fc.array(message, { minLength: 1, maxLength: 3 }) },
  { weight: 1, arbitrary: fc.constantFrom<unknown>(null, 1, "x", { jsonrpc: "2.0", id: 1, result: {} }) },
);
const header = fc.constantFrom(undefined, "2025-11-25", "2026-07-28", "2027-01-01");

describe("eraOf", () => {
  it("sends to the newer era exactly what the official SDK would not call legacy, malformed messages aside", () => {
    fc.assert(
      fc.property(body, header, (given, protocolVersionHeader) => {
        const outcome = classifyInboundRequest({
          httpMethod: "POST",
          body: given,
          ...(protocolVersionHeader === undefined ? {} : { protocolVersionHeader }),
        });
        const era = eraOf(given, (name) => (name === "mcp-protocol-version" ? protocolVersionHeader : undefined));
        if (outcome.kind === "modern") expect(era).toBe("2026");
        if (outcome.kind === "legacy") expect(era).toBe("2025");
        // Shapes that are no JSON-RPC are refused alike on both sides; every other refusal is the newer era's to give.
        if (outcome.kind === "reject" && outcome.rung !== "jsonrpc-shape") {
          expect([era, outcome.cell]).toEqual(["2026", outcome.cell]);
        }
      }),
      { numRuns: 3_000 },
    );
  });
});

describe("namesStatelessEra", () => {
  it.each([
    [undefined, false],
    ["2025-11-25", false],
    ["2026-07-28", true],
    ["2030-01-01", true],
    ["DRAFT", false],
    ["zzzz", false],
  ])("%j: %s", (name, expected) => {
    expect(namesStatelessEra(name)).toBe(expected);
  });
});
