/** An event-sourced kind for tests: what happens to a workflow. */
import { z } from "zod";

import type { Backing } from "../../../../../test/lib/backings.ts";
import { holdfast } from "../../hold.ts";
import type { Principal } from "../../security/principal.ts";
import { eventSourced } from "./kind.ts";

export type Flow = { name: string; done: string[]; error?: string | undefined; total: number; lastAt?: number };

const flowEvents = {
  started: z.object({ name: z.string().min(1) }),
  step_done: z.object({ step: z.string().min(1), weight: z.int().default(1) }),
  failed: z.object({ message: z.string() }),
  resolved: z.object({}),
};

const begin = (): Flow => ({ name: "", done: [], total: 0 });

/** The same kind with other settings, as another version of a program has it. */
export const flowKind = (settings: {
  readonly snapshotEvery?: number;
  readonly maxEventsKept?: number;
  readonly snapshotVersion?: number;
}) => {
  const { snapshotEvery = 4, snapshotVersion = 1, maxEventsKept } = settings;
  return eventSourced("flow", {
    initial: begin,
    events: flowEvents,
    evolve: (flow, event) => {
      flow.lastAt = event.at.getTime();
      switch (event.type) {
        case "started":
          flow.name = event.payload.name;
          return;
        case "step_done":
          flow.done.push(event.payload.step);
          flow.total += event.payload.weight;
          return;
        case "failed":
          return { ...flow, error: event.payload.message };
        case "resolved":
          delete flow.error;
          return;
      }
    },
    snapshotEvery,
    snapshotVersion,
    limits: maxEventsKept === undefined ? {} : { maxEventsKept },
  });
};

export const alice: Principal = { issuer: "test", subject: "alice", scopes: [] };
export const bob: Principal = { issuer: "test", subject: "bob", scopes: [] };

export const openFlows = async (backing: Backing, settings: Parameters<typeof flowKind>[0] = {}) =>
  await holdfast({ store: await backing.open(), kinds: [flowKind(settings)], reap: false });

export const step = (name: string | number, weight = 1) =>
  ({ type: "step_done", payload: { step: String(name), weight } }) as const;
