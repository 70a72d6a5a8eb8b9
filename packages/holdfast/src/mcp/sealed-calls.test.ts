/** What is sealed in its own record does not lie open in what is remembered of the calls that it came and went by. */
import { inputRequired } from "@modelcontextprotocol/server";
import { afterEach, expect, it } from "vitest";
import * as z from "zod";
import { everyRecord } from "../admin/walk.ts";
import { holdfast } from "../hold.ts";
import { localUser } from "../security/principal.ts";
import { noSealingKeys, type SealingKeys, sealingKeys } from "../security/sealing/keys.ts";
import type { Hold } from "../state/hold.ts";
import { kind } from "../state/kind.ts";
import type { Store } from "../store/contract.ts";
import { memoryStore } from "../stores/memory/index.ts";
import { kindTools } from "./kind-tools.ts";
import { ask, begin, textUntil } from "./serve.test-kit.ts";
import { serve } from "./serve.ts";
import type { App } from "./types.ts";

const Card = kind("card", { schema: z.strictObject({ pin: z.string().default("") }), sealed: true });
const kinds = [Card] as const;
const cardTools = kindTools(Card);
const ring = sealingKeys({ current: "k", keys: { k: Buffer.alloc(32, 7).toString("base64") } });
const Sure = z.object({ sure: z.boolean() });

const open: AsyncDisposable[] = [];
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one[Symbol.asyncDispose]();
});

type Started = { readonly store: Store; readonly hold: Hold<typeof kinds>; readonly app: App };

async function start(given: { readonly store?: Store; readonly keys?: SealingKeys } = {}): Promise<Started> {
  const store = given.store ?? (await memoryStore());
  const hold = await holdfast({ store, kinds, sealing: { keys: given.keys ?? ring }, reap: false });
  const app = serve(
    hold,
    { name: "s", version: "1" },
    (server, { state }) => {
      cardTools(server, state.card);
      server.registerTool("pay", { inputSchema: z.object({ pin: z.string() }) }, async (_, { mcpReq }) => {
        if (mcpReq.inputResponses !== undefined) return { content: [] };
        return inputRequired({
          inputRequests: { sure: inputRequired.elicit({ message: "?", requestedSchema: Sure }) },
        });
      });
    },
    { response: "sse", recordTurns: { except: ["pay"] } },
  );
  open.push(store, hold, { [Symbol.asyncDispose]: () => app.close() });
  return { store, hold, app };
}

async function stored(store: Store): Promise<string> {
  const dumps: string[] = [];
  for await (const { owner, kind: of, id } of everyRecord(store)) {
    dumps.push(JSON.stringify(await store.admin.export(owner, { kind: of, id })));
  }
  return dumps.join("\n");
}

it("is neither in turns, nor in the log of a connection, in a call that waits, or in what counts once", async () => {
  const { store, hold, app } = await start();
  const session = await begin(app, { elicitation: {} });
  const call = (name: string, given: object): Promise<Response> =>
    ask(app, "tools/call", { name, arguments: given }, session);
  const made = await (await call("create_card", { value: { pin: "canary-1" }, idempotency_key: "a" })).text();
  const id = /card_[\w-]{22}/.exec(made)?.[0] ?? "";
  expect(await (await call("get_card", { card: id })).text()).toContain("canary-1");
  expect(await (await call("create_card", { value: { pin: "canary-2", no: 1 } })).text()).toContain("isError");
  await textUntil(await call("pay", { pin: "canary-3" }), "elicitation/create");
  await hold.state(localUser).once({ name: "change", key: "k" }, async () => {
    await hold.state(localUser).card.update(id, (draft) => void (draft.pin = "canary-4"));
    return "canary-5";
  });
  await (await call("create_card", { value: { pin: "canary-1" }, idempotency_key: "a" })).text();
  const [kept] = (await hold.sessions(localUser).list()).records;
  const turns = await hold
    .sessions(localUser)
    .open(kept?.id ?? "")
    .recentContext(10);
  expect(turns.map(({ tool, input, outputPreview }) => [tool, input, outputPreview])).toEqual(
    ["create_card", "get_card", "create_card", "create_card"].map((tool) => [tool, "[sealed]", "[sealed]"]),
  );
  const left = await stored(store);
  expect(left).toContain("create_card");
  expect(left.match(/canary-\d/g) ?? []).toEqual([]);
});

it("lets connections and calls go on that were there before there were keys", async () => {
  const { store, hold, app } = await start({ keys: noSealingKeys });
  const session = await begin(app, { elicitation: {} });
  const call = { name: "list_card", arguments: {} };
  await (await ask(app, "tools/call", call, session)).text();
  const once = { name: "change", key: "k" };
  expect(await hold.state(localUser).once(once, async () => "first")).toBe("first");
  const later = await start({ store });
  const answer = await (await ask(later.app, "tools/call", call, session)).text();
  const seen = /id: (\S+)/.exec(answer)?.[1] ?? "";
  const headers = { "mcp-session-id": session, "mcp-protocol-version": "2025-11-25", "last-event-id": seen };
  const resumed = await later.app(
    new Request("http://localhost/mcp", { headers: { ...headers, accept: "text/event-stream" } }),
  );
  expect(await textUntil(resumed, "structuredContent")).toContain("records");
  expect(await later.hold.state(localUser).once(once, async () => "second")).toBe("first");
});
