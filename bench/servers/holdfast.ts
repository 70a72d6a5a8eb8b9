/** holdfast with a durable counter on SQLite FULL, both eras on one port. Prints the port. */
import { createServer } from "node:http";
import { holdfast, kind, serve } from "holdfast";
import { z } from "zod";

import { announce, reportMemory } from "./announce.ts";
import { registerTools } from "./tools.ts";

const Counters = kind("counters", { schema: z.object({}), scope: "principal" });

const path = process.argv[2];
if (path === undefined) throw new Error("usage: holdfast.js DATABASE");
const hold = await holdfast({ store: `sqlite:${path}`, kinds: [Counters] });

const app = serve(
  hold,
  { name: "bench", version: "1.0.0" },
  (server, { state, session }) => {
    registerTools(server, async (counter, by) => {
      const { value } = await (session ?? state.counters).increment(counter, by);
      return value;
    });
  },
  {
    // Memory is measured with many principals, as a public server has them.
    authenticate: (request) => ({
      ok: true,
      principal: { issuer: "bench", subject: request.header("x-subject") ?? "user", scopes: [] },
    }),
  },
);
const server = createServer(app.node);
announce(server);
reportMemory();
