/** holdfast with a durable counter on the store that is named, both eras on one port; `events` adds an event to each count. */
import { createServer } from "node:http";
import { holdfast, kind, serve } from "holdfast";
import { z } from "zod";

import { announce, reportUse } from "./announce.ts";
import { registerTools } from "./tools.ts";

const Counters = kind("counters", { schema: z.object({}), scope: "principal" });

const [, , store, events] = process.argv;
if (store === undefined) throw new Error("usage: holdfast.js STORE [events]");
const hold = await holdfast({ store, kinds: [Counters] });
const append = { stream: "log", event: { type: "counted" } };

const app = serve(
  hold,
  { name: "bench", version: "1.0.0" },
  (server, { state, session }) => {
    registerTools(server, async ({ counter, by }) => {
      const { value } = await (session ?? state.counters).increment(
        counter,
        by,
        events === undefined ? {} : { append },
      );
      return value;
    });
  },
  {
    // Each connection is somebody else's, as on a public server.
    authenticate: (request) => ({
      ok: true,
      principal: { issuer: "bench", subject: request.header("x-subject") ?? "user", scopes: [] },
    }),
  },
);
announce(createServer(app.node));
reportUse();
