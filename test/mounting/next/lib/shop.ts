// lib/shop.ts
import { type App, type Hold, holdfast, kind, reply, serve } from "holdfast";
import { z } from "zod";

const Basket = kind("basket", { schema: z.object({ items: z.array(z.string()).default([]) }), idle: "24h" });
const Item = z.object({ basket: Basket.id, sku: z.string() });

type Shop = { readonly hold: Hold; readonly app: App };
let opening: Promise<Shop> | undefined;

/** Opened by the first request, as `next build` runs these modules too. An opening that fails is tried again by the next one. */
export async function shop(): Promise<App> {
  opening ??= open().catch((error: unknown) => {
    opening = undefined;
    throw error;
  });
  return (await opening).app;
}

async function open(): Promise<Shop> {
  const hold = await holdfast({ store: process.env["STATE"] ?? "sqlite:./state.db", kinds: [Basket] });
  const app = serve(hold, { name: "shop", version: "1.0.0" }, (server, { state }) => {
    server.registerTool("create_basket", { description: "Opens a basket." }, () => reply(state.basket.create()));
    server.registerTool("add_item", { description: "Adds an item.", inputSchema: Item }, ({ basket, sku }) =>
      reply(
        state.basket.update(basket, (draft) => {
          draft.items.push(sku);
        }),
      ),
    );
  });
  return { hold, app };
}

/** Lets calls finish, then closes; the next request opens anew. */
export async function closeShop(): Promise<void> {
  const standing = await opening;
  opening = undefined;
  await standing?.app.drain({ timeoutMs: 10_000 });
  await standing?.hold.close();
}
