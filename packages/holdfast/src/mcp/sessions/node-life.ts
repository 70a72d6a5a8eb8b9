import { readFileSync, readlinkSync } from "node:fs";
import { hostname } from "node:os";

import type { Change } from "../../record/change.ts";
import { ownerOf } from "../../record/ids.ts";
import type { Owner, RecordKey } from "../../record/record.ts";
import { engineIssuer } from "../../security/principal.ts";
import type { Store } from "../../store/contract.ts";
import { isObject } from "../is-object.ts";

/** How long a node counts as alive after it last said so. */
export const leaseMs = 10_000;
const beatMs = 3_000;

/** Node records are the engine's own and belong to no principal: none may have this issuer. */
const engine: Owner = ownerOf({ issuer: engineIssuer, subject: "nodes" });

/** What who counts on being known as alive is told. */
export type LifeHooks = {
  /** It was said again. */
  readonly onBeat: () => void;
  /** Others may have thought this node dead: it had said nothing for longer than they wait. */
  readonly onLapsed: () => void;
};

/**
 * Lets other nodes tell whether a node still lives that runs a streamed call, or has streams open. Says so only as long
 * as it does.
 */
export class NodeLife {
  readonly #store: Store;
  readonly #node: string;
  readonly #onError: (error: unknown) => void;
  readonly #hooks: LifeHooks | undefined;
  readonly #place: string = placeOfProcesses();
  #users = 0;
  #timer: NodeJS.Timeout | undefined;
  #beating: Promise<void> | undefined;
  /** When it last began to be said with success, by the monotonic clock. */
  #saidAt: number | undefined;

  constructor(store: Store, node: string, onError: (error: unknown) => void, hooks?: LifeHooks) {
    this.#store = store;
    this.#node = node;
    this.#onError = onError;
    this.#hooks = hooks;
  }

  /** What needs this node begins. The returned function, called once, says that it is over. */
  begin(): () => void {
    this.#users += 1;
    if (this.#timer === undefined) {
      this.#timer = setInterval(() => this.#beat(), beatMs).unref();
      this.#beat();
    }
    return () => {
      this.#users -= 1;
      if (this.#users > 0) return;
      clearInterval(this.#timer);
      this.#timer = undefined;
      this.#saidAt = undefined;
    };
  }

  /** Resolves once others know that this node lives, and will for a while. Throws what the store throws. */
  async announced(signal: AbortSignal): Promise<void> {
    if (this.#saidAt === undefined || performance.now() - this.#saidAt > leaseMs / 2) await this.#say(signal);
  }

  /** Whether another node may still be running what it began; `silent` if it has not said so of late. */
  async stateOf(node: string, signal?: AbortSignal): Promise<"alive" | "silent" | "dead"> {
    if (node === this.#node) return "alive";
    const { record } = await this.#store.read(engine, keyOf(node), { signal });
    if (record === undefined) return "silent";
    const said: unknown = JSON.parse(record.document);
    return isObject(said) && said["place"] === this.#place && isGone(said["pid"]) ? "dead" : "alive";
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    this.#timer = undefined;
    await this.#beating;
    if (this.#beating === undefined) return;
    await this.#store.commit(engine, [{ ...keyOf(this.#node), expect: "present", end: true }]).catch(this.#onError);
  }

  #beat(): void {
    this.#beating = this.#say(AbortSignal.timeout(leaseMs / 2)).catch(this.#onError);
  }

  async #say(signal: AbortSignal): Promise<void> {
    const began = performance.now();
    const text = JSON.stringify({ place: this.#place, pid: process.pid });
    const create = { text, lifetime: { idleMs: leaseMs } };
    const change: Change = { ...keyOf(this.#node), expect: "any", create, slide: true };
    const committed = await this.#store.commit(engine, [change], { signal });
    const lapsed = this.#saidAt !== undefined && committed.ok && committed.results[0]?.created === true;
    if (this.#users > 0) this.#saidAt = Math.max(this.#saidAt ?? 0, began);
    if (lapsed) this.#hooks?.onLapsed();
    this.#hooks?.onBeat();
  }
}

function keyOf(node: string): RecordKey {
  return { kind: "holdfast.node", id: node };
}

/**
 * Where a process id means the same process to everybody. Names of hosts do not tell: machines made from one image share
 * theirs, and so do containers on the network of their host. On Linux a boot and a namespace of it do.
 */
export function placeOfProcesses(): string {
  try {
    const boot = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
    return `${boot} ${readlinkSync("/proc/self/ns/pid")}`;
  } catch {
    return hostname();
  }
}

/** Whether a process of this place has ended. Says no where it cannot be told. */
function isGone(pid: unknown): boolean {
  if (typeof pid !== "number" || pid === process.pid) return false;
  try {
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "ESRCH";
  }
}
