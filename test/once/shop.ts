/** One node of a shop whose orders and payments count once. With `die`, it is gone right after the effect, before the answer. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { inputRequired } from "@modelcontextprotocol/server";
import { exactlyOnce, holdfast, kind, type Principal, reply, serve, withState } from "holdfast";
import { z } from "zod";

const Basket = kind("basket", {
  schema: z.object({ items: z.array(z.string()).default([]), paid: z.array(z.number()).default([]) }),
});
const Handle = z.object({ basket: Basket.id });
const Sure = z.object({ sure: z.boolean() });
const Order = Handle.extend({ sku: z.string(), idempotency_key: z.string() });

const friend: Principal = { issuer: "test", subject: "friend", scopes: [] };

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
  const lend = exactlyOnce({ description: "Lets a friend see a basket.", inputSchema: Order });
  server.registerTool("lend", lend, async ({ basket }) => {
    const { grant } = await state.basket.share(basket, { with: friend, access: "read" });
    if (die === "die") process.kill(process.pid, "SIGKILL");
    return reply({ grant });
  });
  server.registerTool("lent", { description: "What a friend sees.", inputSchema: Handle }, async ({ basket }) => {
    const { grants } = await state.basket.grants(basket);
    const seen = (await hold.state(friend).basket.shared()).grants;
    return reply({ given: grants.map(({ grant }) => grant), seen: seen.map(({ grant }) => grant) });
  });
  server.registerTool("tip", exactlyOnce({ description: "Tips.", inputSchema: Handle }), async ({ basket }) => {
    const { value } = await state.basket.increment(basket, "tips");
    return reply({ tips: value });
  });
  server.registerTool("pay", { description: "Pays.", inputSchema: Handle }, async ({ basket }, { mcpReq }) => {
    const offer = mcpReq.requestState<{ readonly amount: number }>();
    if (offer === undefined) {
      const sure = inputRequired.elicit({ message: "Pay?", requestedSchema: Sure });
      return withState(inputRequired({ inputRequests: { sure } }), { amount: 7 }, { singleUse: true });
    }
    const { value, version } = await state.basket.update(basket, ({ paid }) => void paid.push(offer.amount));
    const { value: payments } = await state.basket.increment(basket, "payments");
    if (die === "die") process.kill(process.pid, "SIGKILL");
    return reply({ paid: value.paid, version, payments });
  });
  const reserve = exactlyOnce({ description: "Holds an item, asks, and pays for it.", inputSchema: Order });
  server.registerTool("reserve", reserve, async ({ basket, sku }, { mcpReq }) => {
    if (mcpReq.inputResponses === undefined) {
      await state.basket.update(basket, ({ items }) => void items.push(sku));
      return inputRequired({
        inputRequests: { sure: inputRequired.elicit({ message: "Pay?", requestedSchema: Sure }) },
      });
    }
    const { value, version } = await state.basket.update(basket, ({ paid }) => void paid.push(7));
    if (die === "die") process.kill(process.pid, "SIGKILL");
    return reply({ items: value.items, paid: value.paid, version });
  });
});
const server = createServer(app.node).listen(0, "127.0.0.1", () => {
  // It listens on a port, by the line above.
  console.log(`http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`);
});
