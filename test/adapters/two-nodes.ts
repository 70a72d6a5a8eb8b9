/** Two holds on one SQLite file, as two processes would have them. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Hold, holdfast, kind } from "holdfast";
import { z } from "zod";

export const Basket = kind("basket", { schema: z.object({ items: z.array(z.string()).default([]) }), idle: "24h" });
export type Shop = Hold<readonly [typeof Basket]>;

export interface TwoNodes extends AsyncDisposable {
  readonly one: Shop;
  readonly other: Shop;
  /** Of the store that both have open. */
  readonly url: string;
}

export async function openTwoNodes(): Promise<TwoNodes> {
  const folder = await mkdtemp(join(tmpdir(), "holdfast-adapters-"));
  const store = `sqlite:${join(folder, "state.db")}`;
  const open = (): Promise<Shop> => holdfast({ store, kinds: [Basket], reap: false });
  const [one, other] = [await open(), await open()];
  return {
    one,
    other,
    url: store,
    async [Symbol.asyncDispose]() {
      await Promise.all([one.close(), other.close()]);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

export const alice = { issuer: "https://id.example.com", subject: "alice", scopes: [] };
export const bob = { ...alice, subject: "bob" };
