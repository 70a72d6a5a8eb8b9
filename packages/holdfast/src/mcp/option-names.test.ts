/** What takes options outside of records and sessions refuses a slip in a name as they do, and says what was meant. */
import { inputRequired } from "@modelcontextprotocol/server";
import { expect, it } from "vitest";

import { holdfast } from "../hold.ts";
import { requestStateCodec } from "../security/request-state.ts";
import { memoryStore } from "../stores/memory/index.ts";
import { describeConformance, runConformance } from "../testing/index.ts";
import { withState } from "./request-state/with-state.ts";
import { serve } from "./serve.ts";

it("refuses names that no option has, with the nearest, and does nothing", async () => {
  await using hold = await holdfast({ store: "memory:" });
  const app = serve(hold, { name: "s", version: "1" }, () => undefined);
  const needed = inputRequired({ requestState: "s" });
  const keys = ["k".repeat(32)];
  const binding = { principal: { issuer: "i", subject: "s" }, method: "tools/call", params: {} };
  const openStore = async (): Promise<never> => await Promise.reject(new Error("nothing was to be opened"));
  const silent = { describe: () => undefined, it: () => undefined };
  const slip = (name: string): object => ({ [name]: 1 });
  const calls: Readonly<Record<string, readonly [given: string, near: string, call: (slip: object) => unknown]>> = {
    "stdio()": ["stdinn", "stdin", (o) => app.stdio(o)],
    "withState()": ["singleuse", "singleUse", (o) => withState(needed, 1, o)],
    "requestStateCodec()": ["ttl", "ttlMs", (o) => requestStateCodec({ keys, ...o })],
    "seal()": ["singleuse", "singleUse", (o) => requestStateCodec({ keys }).seal(1, binding, o)],
    "runConformance()": ["onely", "only", (o) => runConformance(openStore, o)],
    "describeConformance()": ["seeds", "seed", (o) => describeConformance(silent, "mine", openStore, o)],
  };
  for (const [what, [given, near, call]] of Object.entries(calls)) {
    await expect(
      Promise.resolve().then(() => call(slip(given))),
      what,
    ).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
      message: expect.stringContaining(`has no option "${given}"; did you mean "${near}"?`),
    });
  }
  expect(app.connections.open).toBe(0);
  await app.close();
});

it("leaves alone what hosts hand over beside a request", async () => {
  await using hold = await holdfast({ store: await memoryStore() });
  const app = serve(hold, { name: "s", version: "1" }, () => undefined);
  const host: object = { params: Promise.resolve({}), incoming: {}, waitUntil: () => undefined };
  const answer = await app(new Request("http://localhost/mcp", { method: "POST", body: "{}" }), host);
  expect(answer.status).toBeLessThan(500);
  await app.close();
});
