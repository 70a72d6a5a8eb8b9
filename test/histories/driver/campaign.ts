import { randomBytes } from "node:crypto";
import { statSync } from "node:fs";

import { openAlone } from "../../lib/durable-stores.ts";
import type { History } from "../history.ts";
import { RecordingClient } from "./client.ts";
import type { FleetNode } from "./fleet-node.ts";
import type { Unresolved } from "./protocol.ts";
import { FileRecorder, readHistory } from "./recorder.ts";
import { everyKey, streams } from "./writer.ts";

export type CampaignOptions = {
  readonly url: string;
  readonly writers: number;
  readonly seed: number;
  readonly operationsPerWriter: number;
  /** How the paths of its files begin. */
  readonly files: string;
  readonly nodes: FleetNode[];
  readonly restart: () => Promise<FleetNode>;
};

/** What one process works on, until it is done or killed. */
type Shift = { readonly file: string; readonly inherited: readonly Unresolved[]; readonly done: Promise<void> };

const mostEvents = 10_000;

/** One history while it is made. */
export class Campaign {
  readonly #options: CampaignOptions;
  readonly #origin: bigint = process.hrtime.bigint();
  readonly #owners: readonly string[] = ["x", "y"].map((letter) => `${letter}-${randomBytes(15).toString("hex")}`);
  readonly #shifts: Shift[] = [];
  readonly #files: string[] = [];

  constructor(options: CampaignOptions) {
    this.#options = options;
    for (const [index, node] of options.nodes.entries()) this.#shifts[index] = this.#begin(node, []);
  }

  /** Grows with all that is asked and answered, about a kilobyte for three operations. */
  get bytesRecorded(): number {
    return this.#files.reduce((sum, file) => sum + (statSync(file, { throwIfNoEntry: false })?.size ?? 0), 0);
  }

  /** Kills nodes by -9, at once, and starts others, which find out what became of the commits those waited for. */
  async killNodes(indexes: readonly number[]): Promise<void> {
    const { nodes, restart } = this.#options;
    await Promise.all(indexes.map(async (index) => await nodes[index]?.kill()));
    await Promise.all(
      indexes.map(async (index) => {
        const shift = this.#shifts[index];
        const successor = await restart();
        nodes[index] = successor;
        this.#shifts[index] = this.#begin(successor, shift === undefined ? [] : leftOpen(shift));
      }),
    );
  }

  /** Lets everybody finish what is under way. */
  stop(): void {
    for (const node of this.#options.nodes) node.order({ order: "stop" });
  }

  /** Resolves once all have done their share or were stopped. Rejects with what a store must never answer. */
  async done(): Promise<void> {
    await Promise.all(this.#shifts.map(({ done }) => done));
  }

  /** Reads everything once more, after everybody else, and gives the whole history. */
  async close(): Promise<History> {
    await using store = await openAlone(this.#options.url);
    using recorder = new FileRecorder(this.#newFile(), this.#origin);
    const client = new RecordingClient(store, recorder);
    const tails = streams.map((stream) => ({ stream, after: 0, limit: mostEvents }));
    for (const [index, owner] of this.#owners.entries()) {
      for (const key of everyKey) await client.read(`final.${index}.${key}`, { what: "read", owner, key, tails });
    }
    return readHistory(this.#files);
  }

  #begin(node: FleetNode, inherited: readonly Unresolved[]): Shift {
    const { seed, operationsPerWriter, writers } = this.#options;
    const file = this.#newFile();
    const number = this.#files.length;
    const work = {
      file,
      origin: String(this.#origin),
      seed: seed * 1_000 + number,
      name: `p${number}`,
      writers,
      operations: operationsPerWriter,
      owners: this.#owners,
      unresolved: inherited,
    };
    const done = node.tell({ order: "work", work }, "done");
    // Looked at when all are waited for; that a killed one never finished is nobody's surprise.
    done.catch(() => undefined);
    return { file, inherited, done };
  }

  #newFile(): string {
    const file = `${this.#options.files}-${this.#files.length}.jsonl`;
    this.#files.push(file);
    return file;
  }
}

/** Commits with ids of which the process had not heard when it was killed: its own, and those it was left. */
function leftOpen({ file, inherited }: Shift): readonly Unresolved[] {
  const history = readHistory([file]);
  const settled = new Set(
    history.flatMap(({ request, answer }) => {
      return request.what === "repeat" && (answer.kind === "applied" || answer.kind === "refused") ? [request.of] : [];
    }),
  );
  const own = history.flatMap(({ name, request, answer }): Unresolved[] => {
    return request.what === "commit" && request.commitId && answer.kind === "unknown" ? [{ name, request }] : [];
  });
  return [...inherited, ...own].filter(({ name }) => !settled.has(name));
}
