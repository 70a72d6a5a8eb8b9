/** One server that takes changes: a lone one, or the one that sentinels name. */
import type { Line } from "./dial.ts";
import { Refused } from "./failures.ts";
import { type NodeDuties, RedisNode } from "./node.ts";
import type { Topology } from "./topology.ts";

export class SingleTopology implements Topology {
  readonly #duties: NodeDuties;
  readonly #node: RedisNode;

  constructor(duties: NodeDuties) {
    this.#duties = duties;
    this.#node = new RedisNode(duties);
  }

  connect(): Promise<void> {
    return this.#node.connect();
  }

  async send(_key: string, command: readonly string[]): Promise<unknown> {
    try {
      return await this.#node.send(command);
    } catch (error) {
      // A primary that was replaced: the next line leads to its successor, or finds that there is none yet.
      if (error instanceof Refused && error.word === "READONLY") this.#node.drop();
      throw error;
    }
  }

  nodes(): ReadonlyMap<string, RedisNode> {
    return new Map([[this.#duties.name, this.#node]]);
  }

  async linesFor(channels: readonly string[]): Promise<readonly { line: Line; channels: readonly string[] }[]> {
    return [{ line: await this.#duties.open(), channels }];
  }

  close(): Promise<void> {
    return this.#node.close();
  }
}
