/** Several processes on one store, and what they saw of it. */
import { mkdtempSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { findRoot } from "../../tools/root.ts";
import type { History } from "../history.ts";
import { Campaign } from "./campaign.ts";
import { FleetNode } from "./fleet-node.ts";

export type FleetOptions = {
  readonly url: string;
  readonly nodes: number;
  /** In each process. */
  readonly writers: number;
};

/** Processes that stay open from one history to the next, until the fleet is disposed of. */
export class Fleet implements AsyncDisposable {
  readonly #options: FleetOptions;
  readonly #script: string;
  readonly #folder: string = mkdtempSync(join(tmpdir(), "holdfast-histories-"));
  readonly #nodes: FleetNode[] = [];
  #campaigns = 0;

  private constructor(script: string, options: FleetOptions) {
    this.#script = script;
    this.#options = options;
  }

  static async open(options: FleetOptions): Promise<Fleet> {
    const script = join(await findRoot(), ".cache/build/test/histories/driver/node-process.js");
    const fleet = new Fleet(script, options);
    const starting = Array.from({ length: options.nodes }, () => FleetNode.start(script, options.url));
    fleet.#nodes.push(...(await Promise.all(starting)));
    return fleet;
  }

  /** One history of about so many operations, in partitions of its own, and what was there at its end. */
  async history(seed: number, operations: number): Promise<History> {
    const campaign = this.begin(seed, Math.ceil(operations / this.#options.nodes / this.#options.writers));
    await campaign.done();
    return await campaign.close();
  }

  /** A history under way, whose nodes may be killed. */
  begin(seed: number, operationsPerWriter: number): Campaign {
    this.#campaigns += 1;
    return new Campaign({
      ...this.#options,
      seed,
      operationsPerWriter,
      files: join(this.#folder, String(this.#campaigns)),
      // The list itself: who is restarted in this history works on the next.
      nodes: this.#nodes,
      restart: () => FleetNode.start(this.#script, this.#options.url),
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#nodes.map((node) => node.kill()));
    await rm(this.#folder, { recursive: true, force: true });
  }
}
