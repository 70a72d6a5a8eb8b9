/** The server of `docs/mounting.md` that is built on the SDK's first major, with the state API inside. */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { faultOf, textOf, valueOf } from "../clients/caller.ts";
import { v1Http } from "../clients/v1.ts";
import { v2Http } from "../clients/v2.ts";
import { openShop } from "./first-sdk/server.ts";
import { listening } from "./shop.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "holdfast-first-sdk-"));
});
afterEach(async () => {
  await rm(folder, { recursive: true });
});

async function openSite(): Promise<AsyncDisposable & { readonly url: string }> {
  const { server, close } = await openShop(`sqlite:${join(folder, "state.db")}`);
  const site = await listening(server);
  const dispose = async (): Promise<void> => {
    await site[Symbol.asyncDispose]();
    await close();
  };
  return { url: site.url, [Symbol.asyncDispose]: dispose };
}

describe("inside a server of the SDK's first major", () => {
  it.each([
    ["the v1 client", v1Http],
    ["the v2 client, 2025-11-25", (url: string) => v2Http(url, "2025")],
  ])("state is where it was, in another process too, for %s", async (_name, connect) => {
    let basket: string;
    {
      await using site = await openSite();
      await using client = await connect(site.url);
      basket = textOf(await valueOf(client.call("create_basket")), "basket");
      await Promise.all(["tea", "milk"].map((sku) => valueOf(client.call("add_item", { basket, sku }))));
      expect(await faultOf(client.call("add_item", { basket: "basket_nobody_has", sku: "tea" }))).toMatchObject({
        code: "not_found",
      });
    }
    await using site = await openSite();
    await using client = await connect(site.url);
    expect(await valueOf(client.call("add_item", { basket, sku: "bread" }))).toMatchObject({ version: 4 });
  });

  it("is what the page shows", async () => {
    const page = await readFile(new URL("../../docs/mounting.md", import.meta.url), "utf8");
    expect(page).toContain(await readFile(new URL("first-sdk/server.ts", import.meta.url), "utf8"));
  });
});
