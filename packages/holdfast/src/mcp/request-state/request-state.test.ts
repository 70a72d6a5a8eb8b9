/** State given along with questions, through apps on one store: what clients of either era see, and what they may not do. */
import { type InputRequiredResult, inputRequired } from "@modelcontextprotocol/server";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { z } from "zod";

import { type Backing, backings } from "../../../../../test/lib/backings.ts";
import { modernCall } from "../../../../../test/lib/modern-call.ts";
import { holdfast } from "../../hold.ts";
import { HoldfastError } from "../../record/errors.ts";
import type { Hold } from "../../state/hold.ts";
import { kind } from "../../state/kind.ts";
import type { Store } from "../../store/contract.ts";
import { reply } from "../reply.ts";
import { serve } from "../serve.ts";
import { exactlyOnce } from "../tools/exactly-once.ts";
import type { App, ServeOptions } from "../types.ts";
import { withState } from "./with-state.ts";

const Purse = kind("purse", { scope: "named", schema: z.object({ paid: z.array(z.number()).default([]) }) });
const Amount = z.object({ amount: z.number() });
const Ok = z.object({ ok: z.boolean() });

type Answer = {
  readonly error?: { readonly code: number; readonly message: string };
  readonly result?: {
    readonly structuredContent?: unknown;
    readonly isError?: boolean;
    readonly requestState?: string;
  };
};
type Round = { readonly state?: string; readonly ok?: boolean; readonly as?: string };

describe.each(backings)("the state of a question, on %s", (_name, open) => {
  let backing: Backing;
  let holds: Hold[];
  let entered: number;
  let errors: unknown[];

  beforeEach(async () => {
    backing = await open();
    [holds, entered, errors] = [[], 0, []];
  });

  afterEach(async () => {
    for (const hold of holds) await hold.close();
    await backing[Symbol.asyncDispose]();
    expect(errors).toEqual([]);
  });

  async function app(options: ServeOptions = {}, through = (store: Store): Store => store): Promise<App> {
    const hold = await holdfast({ store: through(await backing.open()), kinds: [Purse], reap: false });
    holds.push(hold);
    return serve(
      hold,
      { name: "s", version: "1" },
      (server, { state }) => {
        const pay = async (amount: number): Promise<ReturnType<typeof reply>> => {
          const purse = state.purse.open("mine");
          await purse.update(({ paid }) => void paid.push(amount));
          return reply({ paid: (await purse.increment("payments")).value });
        };
        const ask = (): InputRequiredResult =>
          inputRequired({ inputRequests: { ok: inputRequired.elicit({ message: "Pay?", requestedSchema: Ok }) } });
        for (const [name, singleUse] of [
          ["pay", true],
          ["check", false],
        ] as const) {
          server.registerTool(name, { inputSchema: Amount }, async ({ amount }, { mcpReq }) => {
            const known = mcpReq.requestState<{ readonly amount: number }>();
            if (known === undefined) return withState(ask(), { amount }, { singleUse });
            entered += 1;
            return singleUse ? await pay(known.amount) : reply({ known });
          });
        }
        const Twice = z.object({ idempotency_key: z.string() });
        server.registerTool("twice", exactlyOnce({ inputSchema: Twice }), async (_args, { mcpReq }) => {
          const round = mcpReq.requestState<{ readonly round: number }>()?.round ?? 0;
          const { paid } = (await state.purse.open("mine").update((draft) => void draft.paid.push(round))).value;
          return round < 2 ? withState(ask(), { round: round + 1 }) : reply({ paid });
        });
        server.registerTool("spent", {}, async () => {
          const { value } = await state.purse.open("mine").get();
          return reply({ paid: value.paid });
        });
      },
      {
        authenticate: ({ header }) => {
          const subject = header("authorization") ?? "alice";
          return { ok: true, principal: { issuer: "test", subject, clientId: "c", scopes: [] } };
        },
        ...options,
        onError: (error) => errors.push(error),
      },
    );
  }

  async function call(to: App, name: string, args: object, { state, ok, as }: Round = {}): Promise<Answer> {
    const inputResponses = ok === undefined ? undefined : { ok: { action: "accept", content: { ok } } };
    const headers = { host: "127.0.0.1", ...(as !== undefined && { authorization: as }) };
    const init = modernCall(name, { arguments: args, requestState: state, inputResponses }, headers);
    const response = await to(new Request("http://127.0.0.1/mcp", init));
    return (await response.json()) as Answer;
  }

  async function stateOf(answer: Promise<Answer>): Promise<string> {
    const { result } = await answer;
    if (result?.requestState === undefined) throw new Error("there is no state");
    return result.requestState;
  }

  const invalid = { code: -32602, message: "Invalid or expired requestState" };

  it("comes back on another node, unread by the client", async () => {
    const [one, other] = [await app(), await app()];
    const state = await stateOf(call(one, "check", { amount: 7 }));
    expect(state).not.toContain("amount");
    const again = await call(other, "check", { amount: 7 }, { state, ok: true });
    expect(again.result?.structuredContent).toEqual({ known: { amount: 7 } });
    // Any number of times, where nothing else was said.
    expect((await call(one, "check", { amount: 7 }, { state, ok: true })).result?.isError).not.toBe(true);
  });

  it("is sealed also where the author declares capabilities", async () => {
    const one = await app({ server: { capabilities: { tools: { listChanged: true }, prompts: {}, resources: {} } } });
    const state = await stateOf(call(one, "check", { amount: 7 }));
    expect(state).not.toContain("amount");
    const again = await call(one, "check", { amount: 7 }, { state, ok: true });
    expect(again.result?.structuredContent).toEqual({ known: { amount: 7 } });
  });

  it("is refused in one way when altered, foreign, or presented elsewhere; the tool is not entered", async () => {
    const [one, stranger] = [await app(), await app({ requestState: { keys: ["k".repeat(32)] } })];
    const state = await stateOf(call(one, "check", { amount: 7 }));
    const refused = [
      call(one, "check", { amount: 8 }, { state, ok: true }),
      call(one, "pay", { amount: 7 }, { state, ok: true }),
      call(one, "check", { amount: 7 }, { state, ok: true, as: "bob" }),
      call(one, "check", { amount: 7 }, { state: `${state.slice(0, -4)}AAAA`, ok: true }),
      call(one, "check", { amount: 7 }, { state: "nonsense", ok: true }),
      call(one, "check", { amount: 7 }, { state: "hs1.AAAAAAAA.AAAA", ok: true }),
      call(stranger, "check", { amount: 7 }, { state, ok: true }),
    ];
    for (const answer of refused) expect((await answer).error).toMatchObject(invalid);
    expect(entered).toBe(0);
  });

  it("tells the rounds of a call with a key apart, also when the call is begun anew", async () => {
    const [one, other] = [await app(), await app()];
    const key = { idempotency_key: "k" };
    const first = await stateOf(call(one, "twice", key));
    const second = await stateOf(call(other, "twice", key, { state: first, ok: true }));
    expect((await call(one, "spent", {})).result?.structuredContent).toEqual({ paid: [0, 1] });
    // Its client lost the second question, and begins anew.
    const anew = await stateOf(call(other, "twice", key));
    const again = await stateOf(call(one, "twice", key, { state: anew, ok: true }));
    expect((await call(one, "spent", {})).result?.structuredContent).toEqual({ paid: [0, 1] });
    const paid = { paid: [0, 1, 2] };
    for (const state of [again, second, again]) {
      const answer = await call(other, "twice", key, { state, ok: true });
      expect(answer.result?.structuredContent).toEqual(paid);
    }
    expect((await call(one, "twice", key)).result?.structuredContent).toEqual(paid);
    expect((await call(one, "spent", {})).result?.structuredContent).toEqual(paid);
  });

  it("expires", async () => {
    const one = await app({ requestState: { ttl: 1 } });
    const state = await stateOf(call(one, "check", { amount: 7 }));
    const refused = async (): Promise<unknown> => (await call(one, "check", { amount: 7 }, { state, ok: true })).error;
    await expect.poll(refused, { timeout: 15_000 }).toMatchObject(invalid);
  });

  it("of single use, presented a hundred times at once over three nodes, has one effect and a hundred equal answers", async () => {
    const apps = [await app(), await app(), await app()] as const;
    const state = await stateOf(call(apps[0], "pay", { amount: 7 }));
    const answers = await Promise.all(
      Array.from({ length: 100 }, (_, at) => call(apps[at % 3] ?? apps[0], "pay", { amount: 7 }, { state, ok: true })),
    );
    expect(new Set(answers.map(({ result }) => JSON.stringify(result?.structuredContent)))).toEqual(
      new Set(['{"paid":1}']),
    );
    // Later too, and whatever is answered to the question this time.
    const late = await call(apps[1], "pay", { amount: 7 }, { state, ok: false });
    expect(late.result?.structuredContent).toEqual({ paid: 1 });
    expect(entered).toBe(1);
    expect((await call(apps[2], "spent", {})).result?.structuredContent).toEqual({ paid: [7] });
  });

  it("is not called invalid where its key cannot be read", async () => {
    let down = false;
    const failing = (store: Store): Store =>
      new Proxy(store, {
        get: (target, name) => {
          const member: unknown = Reflect.get(target, name);
          if (name === "read" && down) return () => Promise.reject(new HoldfastError("UNAVAILABLE", "no store"));
          return typeof member === "function" ? member.bind(target) : member;
        },
      });
    const state = await stateOf(call(await app(), "check", { amount: 7 }));
    const other = await app({}, failing);
    down = true;
    const answer = await call(other, "check", { amount: 7 }, { state, ok: true });
    expect(answer.result?.structuredContent).toMatchObject({ error: { code: "unavailable", retryable: true } });
    expect(errors).toHaveLength(1);
    errors = [];
  });
});
