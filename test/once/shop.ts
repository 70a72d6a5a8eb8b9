/** One node of a shop whose orders count once. With `die`, it is gone right after the effect, before the answer. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

import { exactlyOnce, holdfast, kind, reply, serve } from "holdfast";
import { z } from "zod";

const Basket = kind("basket", { schema: z.object({ items: z.array(z.string()).default([]) }) });
const Handle = z.object({ basket: Basket.id });
const Order = Handle.extend({ sku: z.string(), idempotency_key: z.string() });

const [, , store = "", die] = process.argv;
const hold = await holdfast({ store, kinds: [Basket] });
const app = serve(hold, { name: "shop", version: "1.0.0" }, (server, { state }) => {
  server.registerTool("create_basket", { description: "Opens a basket." }, () => reply(state.basket.create()));
  server.registerTool("show", { description: "Shows a basket.", inputSchema: Handle }, ({ basket }) =>
    reply(state.basket.get(basket)),
  );
  server.registerTool("order", exactlyOnce({ description: "Orders.", inputSchema: Order }), async ({ basket, sku }) => {
    const { value, version } = await state.basket.update(basket, ({ items }) => void items.push(sku));
    const { value: orders } = await state.basket.increment(basket, "orders");
    if (die === "die") process.kill(process.pid, "SIGKILL");
    return reply({ items: value.items, version, orders });
  });
});
const server = createServer(app.node).listen(0, "127.0.0.1", () => {
  // It listens on a port, by the line above.
  console.log(`http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`);
});
