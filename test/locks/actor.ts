/** One process on a shared store. It does what lines on its stdin say, one after the other, and answers each by a line. */
import { type Hold, holdfast, kind, type Lock, localUser } from "holdfast";
import { z } from "zod";

import { obey } from "../lib/obey.ts";

const Page = kind("page", { schema: z.object({ lines: z.array(z.string()).default([]) }) });

export type Command =
  | { readonly do: "create" }
  | { readonly do: "lock"; readonly name: string; readonly ttlMs: number; readonly waitMs: number }
  /** Writes under the lock this process took last. */
  | { readonly do: "write"; readonly page: string; readonly line: string }
  | { readonly do: "read"; readonly page: string }
  /** Updates one record again and again, thinking in between. */
  | { readonly do: "update"; readonly page: string; readonly line: string; readonly times: number };

async function main(store: string): Promise<void> {
  await using hold = await holdfast({ store, kinds: [Page], reap: { every: "1s" } });
  const actor = new Actor(hold);
  // Written by the test that started this.
  await obey((command) => actor.do(command as Command));
}

class Actor {
  readonly #hold: Hold<readonly [typeof Page]>;
  #lock: Lock | undefined;

  constructor(hold: Hold<readonly [typeof Page]>) {
    this.#hold = hold;
  }

  async do(command: Command): Promise<unknown> {
    const state = this.#hold.state(localUser);
    switch (command.do) {
      case "create":
        return (await state.page.create()).id;
      case "lock":
        this.#lock = await state.lock(command.name, { ttlMs: command.ttlMs, waitMs: command.waitMs });
        return this.#lock.token;
      case "write": {
        if (this.#lock === undefined) throw new Error("no lock was taken");
        const written = await state.page.update(command.page, ({ lines }) => void lines.push(command.line), {
          fence: this.#lock,
        });
        return written.version;
      }
      case "read":
        return (await state.page.get(command.page)).value.lines;
      case "update":
        for (let n = 0; n < command.times; n++) {
          await state.page.update(command.page, ({ lines }) => void lines.push(command.line));
        }
        return this.#hold.counts;
    }
  }
}

const [, , store = ""] = process.argv;
await main(store);
