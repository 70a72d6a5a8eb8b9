/** A shop whose baskets survive the process, for clients of both protocol eras. */
import { type App, type Hold, holdfast, kind, reply, serve } from "holdfast";
import { z } from "zod";

const Line = z.object({ sku: z.string().min(1), quantity: z.number().int().min(1).max(99) });
const BasketSchema = z.object({ lines: z.array(Line).max(100).default([]) });

/** Minted by `create_basket`; forgotten a day after its last use. */
const Basket = kind("basket", { schema: BasketSchema, idle: "24h" });

// Schemas live outside the build function: it runs for every 2026-07-28 request.
const WhichBasket = z.object({ basket: Basket.id });
const AddItem = WhichBasket.extend({ sku: Line.shape.sku, quantity: Line.shape.quantity.default(1) });

/** Opens the shop's state. The store is a URL such as `sqlite:./shop.db`. */
export function openShop(store: string): Promise<Hold<readonly [typeof Basket]>> {
  return holdfast({ store, kinds: [Basket] });
}

/** The shop as an MCP server over state that is open already. */
export function shop(hold: Hold<readonly [typeof Basket]>): App {
  return serve(hold, { name: "shop", version: "1.0.0" }, (server, { state }) => {
    server.registerTool("create_basket", { description: "Starts an empty basket and returns its handle." }, () =>
      reply(state.basket.create()),
    );

    server.registerTool(
      "add_item",
      { description: "Puts items of one kind into a basket.", inputSchema: AddItem },
      ({ basket, sku, quantity }) =>
        reply(
          // Reads, changes and commits; again if another call came between. So parallel calls lose nothing.
          state.basket.update(basket, ({ lines }) => {
            const line = lines.find((candidate) => candidate.sku === sku);
            if (line === undefined) lines.push({ sku, quantity });
            else line.quantity += quantity;
          }),
        ),
    );

    server.registerTool("show_basket", { description: "Shows a basket.", inputSchema: WhichBasket }, ({ basket }) =>
      reply(state.basket.get(basket)),
    );

    server.registerTool(
      "empty_basket",
      { description: "Throws a basket away.", inputSchema: WhichBasket },
      async ({ basket }) => reply({ basket, gone: await state.basket.destroy(basket) }),
    );
  });
}
