import { expect } from "vitest";

import { type Model, refused, type World } from "./world.ts";

type Event = { readonly type: "added" | "named"; readonly payload: object; readonly agent: string };
type Known = { readonly id: string; readonly log: Event[] };
type Flow = { sum: number; last: string };

/** Event-sourced records: the log is all there is, and every value is a fold of it. */
export function events({ random, door, owner, stranger }: World): Model {
  const all: Known[] = [];
  const flows = (principal = owner) => door().state(principal).flow;
  const on = async (step: (known: Known) => Promise<void>): Promise<void> => {
    if (all.length > 0) await step(random.pick(all));
  };
  const make = (): Event => {
    const agent = random.pick(["ann", "ben"]);
    return random.below(2) === 0
      ? { type: "added", payload: { by: random.below(9) - 4 }, agent }
      : { type: "named", payload: { name: `n${random.below(9)}` }, agent };
  };
  // Made above, of what the kind's schemas take.
  const input = ({ type, payload }: Event) => ({ type, payload }) as { type: "added"; payload: { by: number } };
  const fold = (log: readonly Event[]): Flow => {
    const flow: Flow = { sum: 0, last: "" };
    for (const { payload } of log) {
      if ("by" in payload) flow.sum += Number(payload.by);
      if ("name" in payload) flow.last = String(payload.name);
    }
    return flow;
  };

  return {
    create: async () => {
      const first = make();
      const view = await flows().create(input(first), { agent: first.agent });
      all.push({ id: view.id, log: [first] });
      expect([view.position, view.value]).toEqual([1, fold([first])]);
    },
    append: () =>
      on(async ({ id, log }) => {
        const { agent } = make();
        const those = Array.from({ length: 1 + random.below(4) }, () => ({ ...make(), agent }));
        const { position } = await flows().append(id, those.map(input), { agent });
        log.push(...those);
        expect(position).toBe(log.length);
      }),
    "append at a position": () =>
      on(async ({ id, log }) => {
        const event = make();
        const expectedPosition = log.length - random.below(2);
        const change = flows().append(id, input(event), { agent: event.agent, expectedPosition });
        if (expectedPosition !== log.length) return refused(change, "CONFLICT");
        await change;
        log.push(event);
      }),
    decide: () =>
      on(async ({ id, log }) => {
        const event = make();
        const skip = random.below(3) === 0;
        const seen: Flow[] = [];
        const decided = await flows().decide(
          id,
          (flow) => {
            seen.push(structuredClone(flow));
            return skip ? undefined : input(event);
          },
          { agent: event.agent },
        );
        expect(seen.at(-1)).toEqual(fold(log));
        if (!skip) log.push(event);
        expect([decided.view.position, decided.view.value]).toEqual([log.length, fold(log)]);
      }),
    get: () =>
      on(async ({ id, log }) => {
        const { position, value } = await flows().get(id);
        expect([position, value]).toEqual([log.length, fold(log)]);
      }),
    at: () =>
      on(async ({ id, log }) => {
        const position = random.below(log.length + 1);
        expect((await flows().at(id, position)).value).toEqual(fold(log.slice(0, position)));
        await refused(flows().at(id, log.length + 1), "INVALID_ARGUMENT");
      }),
    history: () =>
      on(async ({ id, log }) => {
        const [{ agent }, { type }] = [
          random.pick([{ agent: "ann" }, { agent: "ben" }, { agent: undefined }]),
          random.pick([{ type: "added" }, { type: "named" }, { type: undefined }] as const),
        ];
        const found: unknown[] = [];
        for (let after = 0; ; ) {
          const query = { after, limit: 3, ...(agent !== undefined && { agent }), ...(type !== undefined && { type }) };
          const page = await flows().history(id, query);
          found.push(...page.events.map((event) => [event.position, event.type, event.payload, event.by.agent]));
          if (page.next === undefined) break;
          after = page.next;
        }
        const those = log
          .map((event, index) => ({ ...event, position: index + 1 }))
          .filter((event) => (agent ?? event.agent) === event.agent && (type ?? event.type) === event.type);
        expect(found).toEqual(those.map((event) => [event.position, event.type, event.payload, event.agent]));
      }),
    repair: () =>
      on(async ({ id }) => {
        expect(await flows().repair(id)).toMatchObject({ changed: false });
      }),
    "a stranger": () =>
      on(async ({ id }) => {
        await refused(flows(stranger).get(id), "NOT_FOUND");
        await refused(flows(stranger).append(id, input(make())), "NOT_FOUND");
      }),
    list: async () => {
      const { records } = await flows().list({ limit: 1_000 });
      const those = all.toReversed().map(({ id, log }) => [id, log.length]);
      expect(records.map(({ id, position }) => [id, position])).toEqual(those);
    },
  };
}
