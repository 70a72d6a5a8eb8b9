// lib/shop.ts
import { type App, type Hold, holdfast, kind, reply, serve } from "holdfast";
import { z } from "zod";

const Basket = kind("basket", { schema: z.object({ items: z.array(z.string()).default([]) }), idle: "24h" });
const Item = z.object({ basket: Basket.id, sku: z.string() });

type Shop = { readonly hold: Hold; readonly app: App };
let opening: Promise<Shop> | undefined;
/** Next loads this module once for routes and once for instrumentation: what is open is known to both. */
const opened: Set<Shop> = ((globalThis as { shops?: Set<Shop> }).shops ??= new Set());

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
  const standing = { hold, app };
  opened.add(standing);
  return standing;
}

/** Lets calls finish, then closes; the next request opens anew. */
export async function closeShop(): Promise<void> {
  opening = undefined;
  for (const standing of opened) {
    opened.delete(standing);
    await standing.app.drain({ timeoutMs: 10_000 });
    await standing.hold.close();
  }
}

/** Next ends by itself on signals, in the middle of calls, unless this is set: then it is ours to do. */
export function closeOnSignals(): void {
  if (process.env["NEXT_MANUAL_SIG_HANDLE"] === undefined) return;
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    process.once(signal, () => void closeShop().finally(() => process.exit(0)));
  }
}
