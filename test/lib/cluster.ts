/** Some nodes on one store behind a round-robin balancer, each a process that can be killed, stopped, paused, started. */
import { readFile } from "node:fs/promises";

import { type Balancer, startBalancer } from "./balancer.ts";
import type { Exit, NodeProcess } from "./node-process.ts";
import { poll, within } from "./waiting.ts";

/** Starts one node. 0 picks a free port; a node that starts again is given the one it had. */
export type StartNode = (port: number) => Promise<NodeProcess>;

export interface ClusterNode {
  readonly index: number;
  /** The node itself, past the balancer. */
  readonly url: string;
  readonly origin: string;
  readonly pid: number;
  readonly alive: boolean;
  /** SIGKILL; resolves when it is gone. */
  kill(): Promise<void>;
  /** SIGTERM; resolves when it has drained and ended. */
  stop(): Promise<Exit>;
  /** Starts it anew, on the port it had. It must have ended. */
  start(): Promise<void>;
  /** Resolves when it has ended by itself. */
  ended(): Promise<void>;
  /** Resolves when it has stopped itself (SIGSTOP), once it is out of the balancer as a health check would have it. */
  paused(): Promise<void>;
  /** SIGCONT. It goes on where it was, and stays out of the balancer. */
  resume(): void;
  /** Whatever was done to it: afterwards it runs, and takes requests. */
  restore(): Promise<void>;
  /** Everything its processes have written. */
  stderr(): string;
}

export interface Cluster extends AsyncDisposable {
  /** The MCP endpoint, through the balancer. */
  readonly url: string;
  readonly balancer: Balancer;
  readonly nodes: readonly ClusterNode[];
  /** Throws for an index that is none. */
  node(index: number): ClusterNode;
}

export async function startCluster(startNode: StartNode, count = 3): Promise<Cluster> {
  const nodes: Node[] = [];
  try {
    // One after the other: the first makes the schema, and a small machine starts no faster all at once.
    for (let index = 0; index < count; index++) nodes.push(new Node(index, startNode, await startNode(0)));
    const balancer = await startBalancer(nodes.map(({ origin }) => origin));
    for (const node of nodes) node.balancedBy(balancer);
    return {
      url: `${balancer.origin}/mcp`,
      balancer,
      nodes,
      node: (index) => nodes[index] ?? missing(index),
      async [Symbol.asyncDispose]() {
        await balancer[Symbol.asyncDispose]();
        await Promise.all(nodes.map((node) => node.kill()));
      },
    };
  } catch (error) {
    await Promise.all(nodes.map((node) => node.kill()));
    throw error;
  }
}

type Balancing = Pick<Balancer, "takeOut" | "putBack">;

const waitMs = 30_000;

class Node implements ClusterNode {
  readonly index: number;
  readonly origin: string;
  readonly url: string;
  readonly #startNode: StartNode;
  readonly #port: number;
  #process: NodeProcess;
  #before = "";
  #alive = true;
  #paused = false;
  #balancing!: Balancing;

  constructor(index: number, startNode: StartNode, process: NodeProcess) {
    this.index = index;
    this.#startNode = startNode;
    this.#process = process;
    this.#port = process.port;
    this.origin = process.origin;
    this.url = process.url;
  }

  /** Balancers need the addresses of their nodes, and nodes their balancer. */
  balancedBy(balancing: Balancing): void {
    this.#balancing = balancing;
  }

  get pid(): number {
    return this.#process.pid;
  }

  get alive(): boolean {
    return this.#alive;
  }

  async kill(): Promise<void> {
    this.#alive = false;
    await this.#process.kill();
  }

  async stop(): Promise<Exit> {
    const exit = await this.#process.stop();
    this.#alive = false;
    return exit;
  }

  async start(): Promise<void> {
    this.#before += this.#process.stderr();
    this.#process = await this.#startNode(this.#port);
    this.#alive = true;
    this.#paused = false;
  }

  async ended(): Promise<void> {
    await within(this.#process.exited, waitMs, () => `node ${this.index} did not end by itself:\n${this.stderr()}`);
    this.#alive = false;
  }

  async paused(): Promise<void> {
    const isStopped = async (): Promise<true | undefined> => {
      const stat = await readFile(`/proc/${this.pid}/stat`, "utf8");
      // The state comes after the name in parentheses.
      return stat.split(") ").at(-1)?.startsWith("T") === true ? true : undefined;
    };
    await poll(isStopped, `node ${this.index} to stop itself`, waitMs);
    this.#paused = true;
    this.#balancing.takeOut(this.index);
  }

  resume(): void {
    this.#process.signal("SIGCONT");
  }

  async restore(): Promise<void> {
    if (this.#paused) await this.kill();
    if (!this.#alive) await this.start();
    this.#balancing.putBack(this.index);
  }

  stderr(): string {
    return this.#before + this.#process.stderr();
  }
}

function missing(index: number): never {
  throw new Error(`the cluster has no node ${index}`);
}
