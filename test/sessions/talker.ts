/** A server that talks while it works, run as a process of its own: `talker.js STORE`. Says where it listens. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { holdfast, serve } from "holdfast";
import { z } from "zod";

const [, , store = "memory:"] = process.argv;
const hold = await holdfast({ store, kinds: [] });

const info = { name: "talker", version: "1.0.0" };
const options = { server: { capabilities: { logging: {} } } };

const app = serve(
  hold,
  info,
  (server, { session }) => {
    const Talk = z.object({ steps: z.number(), waitMs: z.number() });
    server.registerTool("talk", { inputSchema: Talk }, async ({ steps, waitMs }, ctx) => {
      for (let step = 1; step <= steps; step++) {
        await ctx.mcpReq.notify({ method: "notifications/message", params: { level: "info", data: step } });
        await delay(waitMs);
      }
      return { content: [{ type: "text", text: "done" }] };
    });
    server.registerTool("count", {}, async () => {
      const counted = await session?.increment("calls");
      return { content: [{ type: "text", text: String(counted?.value) }] };
    });
  },
  options,
);

const http = createServer(app.node);
http.listen(0, "127.0.0.1", () => {
  // A server that listens on TCP has an address of this form.
  const { port } = http.address() as AddressInfo;
  process.stdout.write(`http://127.0.0.1:${port}/mcp\n`);
});
