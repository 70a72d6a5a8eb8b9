import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";

import { findRoot } from "../tools/root.ts";

export interface ShopNode extends AsyncDisposable {
  readonly url: string;
  /** Resolves when the process is gone. */
  readonly died: Promise<unknown>;
}

/** A shop of its own process on a store. `die`: it is gone right after an effect, before the answer. */
export async function startNode(store: string, die?: "die"): Promise<ShopNode> {
  const main = join(await findRoot(), ".cache", "build", "test", "once", "shop.js");
  const child = spawn(process.execPath, [main, store, ...(die === undefined ? [] : [die])], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const died = once(child, "close");
  const [url] = (await once(createInterface({ input: child.stdout }), "line")) as [string];
  return {
    url,
    died,
    [Symbol.asyncDispose]: async () => {
      child.kill("SIGKILL");
      await died;
    },
  };
}
