/**
 * A cluster: which primary has which slot, learnt from the servers and corrected by them.
 *
 *     MOVED    the slot is elsewhere for good: remember, and ask there
 *     ASK      it is moving and this owner has gone already: ask there, this once
 *     TRYAGAIN it is moving and this owner is halfway: ask again in a moment
 *
 * A server that answers so has done nothing, so that asking again is safe. What was sent and not answered is not.
 */
import { HoldfastError, isHoldfastError } from "../../record/errors.ts";
import type { Dial, Line } from "./dial.ts";
import { Lost, Refused, unavailable } from "./failures.ts";
import { RedisNode } from "./node.ts";
import type { ResolvedRedisOptions } from "./options.ts";
import { slotCount, slotOf } from "./slots.ts";
import type { Address } from "./target.ts";
import type { Topology } from "./topology.ts";

/** Refusals that are over in a moment, and those that say that what is known of the cluster is old. */
const passing: ReadonlySet<string> = new Set(["TRYAGAIN", "CLUSTERDOWN", "LOADING", "MASTERDOWN", "READONLY"]);
const shortPauseMs = 20;

type Route = { readonly node: RedisNode; readonly asking: boolean };

export class ClusterTopology implements Topology {
  readonly #dial: Dial;
  readonly #options: ResolvedRedisOptions;
  readonly #nodes = new Map<string, RedisNode>();
  readonly #slots: (string | undefined)[] = Array.from({ length: slotCount });
  #refreshing: Promise<void> | undefined;
  #isClosed = false;

  constructor(dial: Dial, options: ResolvedRedisOptions) {
    this.#dial = dial;
    this.#options = options;
  }

  async connect(): Promise<void> {
    await this.#learn();
    const missing = this.#slots.indexOf(undefined);
    if (missing !== -1) throw unavailable(`the Redis cluster serves no slot ${missing}; it is not complete`);
    for (const node of this.nodes().values()) if (!node.isUp) await node.connect();
  }

  async send(key: string, command: readonly string[]): Promise<unknown> {
    const slot = slotOf(key);
    const until = performance.now() + this.#options.connectTimeoutMs;
    let route: Route = { node: await this.#serving(slot, until), asking: false };
    for (;;) {
      try {
        return await route.node.send(command, route.asking);
      } catch (error) {
        const next = await this.#after(error, slot, until);
        if (next === undefined) throw error;
        route = next;
      }
    }
  }

  nodes(): ReadonlyMap<string, RedisNode> {
    const serving = new Set(this.#slots);
    return new Map([...this.#nodes].filter(([name]) => serving.has(name)));
  }

  async linesFor(channels: readonly string[]): Promise<readonly { line: Line; channels: readonly string[] }[]> {
    await this.#refresh();
    const byNode = new Map<string, string[]>();
    for (const channel of channels) {
      const name = this.#slots[slotOf(channel)];
      if (name === undefined) throw unavailable("a slot of the Redis cluster is served by nobody");
      byNode.set(name, [...(byNode.get(name) ?? []), channel]);
    }
    return await Promise.all(
      [...byNode].map(async ([name, own]) => ({ line: await this.#dial(addressIn(name)), channels: own })),
    );
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.all([...this.#nodes.values()].map((node) => node.close()));
    await this.#refreshing;
  }

  /** Where to go on after a failure; undefined where that is for the caller to decide. */
  async #after(error: unknown, slot: number, until: number): Promise<Route | undefined> {
    if (error instanceof Lost) void this.#refresh();
    if (performance.now() > until) return undefined;
    if (isHoldfastError(error, "UNAVAILABLE")) {
      // Nothing was sent. Another server may have taken the slot over meanwhile.
      const before = this.#slots[slot];
      await this.#refresh();
      return this.#slots[slot] === before ? undefined : { node: await this.#serving(slot, until), asking: false };
    }
    if (!(error instanceof Refused)) return undefined;
    const [, , target = ""] = error.message.split(" ");
    if (error.word === "MOVED") {
      this.#slots[slot] = this.#nodeAt(target);
      void this.#refresh();
      return { node: await this.#serving(slot, until), asking: false };
    }
    if (error.word === "ASK") return { node: this.#node(this.#nodeAt(target)), asking: true };
    if (!passing.has(error.word)) return undefined;
    if (error.word !== "TRYAGAIN") void this.#refresh();
    await pause(shortPauseMs * (0.5 + Math.random()));
    return { node: await this.#serving(slot, until), asking: false };
  }

  /** The server of a slot. While it cannot be reached, whoever takes over is looked for. */
  async #serving(slot: number, until: number): Promise<RedisNode> {
    for (;;) {
      const name = this.#slots[slot];
      const node = name === undefined ? undefined : this.#node(name);
      if (node !== undefined && (node.isUp || node.isGivenUp || performance.now() > until)) return node;
      if (this.#isClosed) throw new HoldfastError("CLOSED", "the store is closed");
      if (node === undefined && performance.now() > until)
        throw unavailable(`nobody serves slot ${slot} of the cluster`);
      node?.wake();
      await Promise.all([this.#refresh(), pause(shortPauseMs)]);
    }
  }

  #refresh(): Promise<void> {
    // What cannot be learnt now may be learnt next time; whoever needs a server finds out whether there is one.
    this.#refreshing ??= this.#learn()
      .catch(() => undefined)
      .then(() => pause(shortPauseMs))
      .finally(() => {
        this.#refreshing = undefined;
      });
    return this.#refreshing;
  }

  async #learn(): Promise<void> {
    let problem: unknown;
    for (const [name, node] of this.#nodes) {
      if (!node.isUp) continue;
      try {
        this.#take(await node.send(["CLUSTER", "SLOTS"]), addressIn(name).host);
        return;
      } catch (error) {
        problem = error;
      }
    }
    for (const address of this.#options.target.addresses) {
      try {
        const line = await this.#dial(address);
        try {
          this.#take(await line.send(["CLUSTER", "SLOTS"]), address.host);
          return;
        } finally {
          line.end();
        }
      } catch (error) {
        problem = error;
      }
    }
    throw problem instanceof Error ? problem : unavailable("no node of the Redis cluster can be reached");
  }

  #take(answer: unknown, askedHost: string): void {
    // From slot, to slot, the primary as host and port, then its replicas.
    for (const [from, to, [host, port]] of answer as readonly [number, number, readonly [string | null, number]][]) {
      const name = this.#nodeAt(`${host === null || host === "" ? askedHost : host}:${port}`);
      this.#slots.fill(name, from, to + 1);
    }
  }

  /** Makes sure that there is a way to an address, and answers its name. */
  #nodeAt(name: string): string {
    if (!this.#nodes.has(name) && !this.#isClosed) {
      const { connectTimeoutMs, pingMs } = this.#options;
      const open = (): Promise<Line> => this.#dial(addressIn(name));
      this.#nodes.set(name, new RedisNode({ name, open, connectTimeoutMs, pingMs }));
    }
    return name;
  }

  #node(name: string): RedisNode {
    const node = this.#nodes.get(name);
    if (node === undefined) throw new HoldfastError("CLOSED", "the store is closed");
    return node;
  }
}

/** The port stands behind the last colon: an address of IPv6 has others. */
function addressIn(name: string): Address {
  const colon = name.lastIndexOf(":");
  return { host: name.slice(0, colon), port: Number(name.slice(colon + 1)) };
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
