/** A release that several agents work on at once: each step is done by one of them, and what happened stays on record. */
import { type App, eventSourced, type Hold, HoldfastError, holdfast, reply, serve } from "holdfast";
import { z } from "zod";

type Step = { readonly name: string; readonly by?: string | undefined; readonly done: boolean };
type State = { readonly version: string; readonly steps: readonly Step[]; readonly publishedBy?: string | undefined };

const name = z.string().min(1).max(60);

/** Nothing is ever overwritten: the log says who did what and when, and the state is what it comes to. */
const Release = eventSourced("release", {
  initial: (): State => ({ version: "", steps: [] }),
  events: {
    planned: z.object({ version: name, steps: z.array(name) }),
    step_taken: z.object({ step: name, by: name }),
    step_done: z.object({ step: name }),
    step_failed: z.object({ step: name, message: z.string() }),
    published: z.object({ by: name }),
  },
  evolve: (release, { type, payload }) => {
    switch (type) {
      case "planned":
        return { version: payload.version, steps: payload.steps.map((step) => ({ name: step, done: false })) };
      case "step_taken":
        return withStep(release, payload.step, { by: payload.by, done: false });
      case "step_done":
        return withStep(release, payload.step, { done: true });
      case "step_failed":
        // Open again, for whoever comes next.
        return withStep(release, payload.step, { by: undefined, done: false });
      case "published":
        return { ...release, publishedBy: payload.by };
    }
  },
});

function withStep(release: State, step: string, change: Partial<Step>): State {
  return { ...release, steps: release.steps.map((one) => (one.name === step ? { ...one, ...change } : one)) };
}

const Plan = z.object({ version: name, steps: z.array(name).min(1).max(50) });
const Which = z.object({ release: Release.id });
const Agent = Which.extend({ agent: name.describe("Who you are among the agents.") });
const OfStep = Agent.extend({ step: name });
const Failure = OfStep.extend({ message: z.string().max(1_000) });
const At = Which.extend({ at: z.int().min(0).describe("As it was after so many events.").optional() });

export type Releases = Hold<readonly [typeof Release]>;

/** Opens the releases. The store is a URL such as `sqlite:./releases.db`. */
export function openReleases(store: string): Promise<Releases> {
  return holdfast({ store, kinds: [Release] });
}

/** Puts a version out: what must not happen twice, nor two at a time. Here it only says so. */
export type Publish = (version: string) => Promise<void>;

export function releases(hold: Releases, publish: Publish): App {
  return serve(hold, { name: "releases", version: "1.0.0" }, (server, { state }) => {
    server.registerTool(
      "plan_release",
      { description: "Plans a release and returns its handle.", inputSchema: Plan },
      (plan) => reply(state.release.create({ type: "planned", payload: plan })),
    );

    server.registerTool(
      "take_step",
      { description: "Gives you the next step that nobody works on, or none.", inputSchema: Agent },
      async ({ release, agent }) => {
        let taken: string | undefined;
        // Looks, decides, and appends if nobody came between; else looks again. Two agents never get one step.
        await state.release.decide(
          release,
          ({ steps }) => {
            taken = steps.find(({ by, done }) => by === undefined && !done)?.name;
            return taken === undefined ? undefined : { type: "step_taken", payload: { step: taken, by: agent } };
          },
          { agent },
        );
        return reply({ release, step: taken ?? null });
      },
    );

    server.registerTool(
      "finish_step",
      { description: "Says that you have done your step.", inputSchema: OfStep },
      ({ release, step, agent }) =>
        reply(
          state.release
            .decide(release, (now) => (mine(now, step, agent), { type: "step_done", payload: { step } }), { agent })
            .then(({ view }) => view),
        ),
    );

    server.registerTool(
      "fail_step",
      { description: "Gives your step back, saying what went wrong.", inputSchema: Failure },
      ({ release, step, agent, message }) =>
        reply(
          state.release
            .decide(release, (now) => (mine(now, step, agent), { type: "step_failed", payload: { step, message } }), {
              agent,
            })
            .then(({ view }) => view),
        ),
    );

    server.registerTool(
      "publish",
      {
        description: "Puts the release out once every step is done. Done before, it changes nothing.",
        inputSchema: Agent,
      },
      ({ release, agent }) =>
        // One at a time, whichever node: and a holder that slept through its lease can note nothing any more.
        state.withLock("publishing", { ttlMs: 30_000, waitMs: 20_000 }, async (lock) => {
          const { value } = await state.release.get(release);
          if (value.publishedBy === undefined) {
            refuseOpen(value);
            await publish(value.version);
            await state.release.append(release, { type: "published", payload: { by: agent } }, { agent, fence: lock });
          }
          return reply(state.release.get(release));
        }),
    );

    server.registerTool("show_release", { description: "Shows a release.", inputSchema: At }, ({ release, at }) =>
      reply(at === undefined ? state.release.get(release) : state.release.at(release, at)),
    );

    server.registerTool(
      "tell_release",
      { description: "Tells what happened to a release, and who did it.", inputSchema: Which },
      async ({ release }) => reply({ events: (await state.release.history(release, { limit: 1_000 })).events }),
    );
  });
}

/** Throws unless the step is this agent's: somebody else may have been given it after a failure. */
function mine({ steps }: State, step: string, agent: string): void {
  const found = steps.find((one) => one.name === step);
  if (found?.by === agent && !found.done) return;
  throw new HoldfastError("CONFLICT", `"${step}" is not yours to finish; take a step first`);
}

function refuseOpen({ steps }: State): void {
  const open = steps.filter(({ done }) => !done).map((step) => step.name);
  if (open.length > 0) throw new HoldfastError("CONFLICT", `not every step is done yet: ${open.join(", ")}`);
}
