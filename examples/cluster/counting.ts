/** The server that every node runs: it knows nothing of the others. */
import { acceptedContent, inputRequired } from "@modelcontextprotocol/server";
import { type App, holdfast, kind, reply, serve } from "holdfast";
import { z } from "zod";

const Tally = kind("tally", { schema: z.object({}), scope: "principal" });

const Answer = z.object({ reason: z.string() });

export interface Counting extends AsyncDisposable {
  readonly app: App;
}

export async function openCounting(store: string, node: string): Promise<Counting> {
  const hold = await holdfast({ store, kinds: [Tally] });
  const app = serve(hold, { name: "counting", version: "1.0.0" }, (server, { state }) => {
    server.registerTool("count", { description: "Adds one, and says which node did it." }, async () =>
      reply({ count: (await state.tally.increment("calls")).value, node }),
    );

    // The question waits in the store. Whichever node gets the answer goes on; this one may be gone by then.
    server.registerTool("count_for_a_reason", { description: "Asks why, then adds one." }, async (ctx) => {
      const given = acceptedContent(ctx.mcpReq.inputResponses, "why", Answer);
      if (given === undefined) {
        const question = inputRequired.elicit({ message: `Why? (${node} asks)`, requestedSchema: Answer });
        return inputRequired({ inputRequests: { why: question } });
      }
      return reply({ reason: given.reason, count: (await state.tally.increment("calls")).value, node });
    });
  });
  return {
    app,
    async [Symbol.asyncDispose]() {
      await app.drain();
      await app.close();
      await hold.close();
    },
  };
}
