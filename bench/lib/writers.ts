import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

const script = fileURLToPath(new URL("../store/hot-writers.js", import.meta.url));

/** Processes that write to one store at once. */
export class WriterProcesses {
  readonly #children: readonly ChildProcess[];

  private constructor(children: readonly ChildProcess[]) {
    this.#children = children;
  }

  static async start(store: string, processes: number, writers: number): Promise<WriterProcesses> {
    const children = Array.from({ length: processes }, (_, index) =>
      fork(script, [store, `node-${index}`, String(Math.ceil(writers / processes))]),
    );
    await Promise.all(children.map((child) => once(child, "message")));
    return new WriterProcesses(children);
  }

  /** Operations per second of all together. */
  async round(hot: boolean, ms: number): Promise<number> {
    const each = this.#children.map(async (child) => {
      const answer = once(child, "message");
      child.send({ hot, ms });
      // What `hot-writers.ts` sends.
      const [{ perSecond }] = (await answer) as [{ perSecond: number }];
      return perSecond;
    });
    return (await Promise.all(each)).reduce((sum, perSecond) => sum + perSecond, 0);
  }

  async stop(): Promise<void> {
    const gone = this.#children.map((child) => once(child, "exit"));
    for (const child of this.#children) child.disconnect();
    await Promise.all(gone);
  }
}
