import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";

import type { Order, Report } from "./protocol.ts";

/** One process with the store open. */
export class FleetNode {
  readonly #child: ChildProcess;
  readonly #exited: Promise<unknown>;

  private constructor(script: string) {
    this.#child = fork(script, { stdio: ["ignore", "inherit", "inherit", "ipc"] });
    this.#exited = once(this.#child, "exit");
  }

  static async start(script: string, url: string): Promise<FleetNode> {
    const node = new FleetNode(script);
    await node.tell({ order: "open", url }, "open");
    return node;
  }

  order(order: Order): void {
    if (this.#child.connected) this.#child.send(order);
  }

  /** Resolves with the report that is waited for. Rejects where the process failed or is gone. */
  tell(order: Order, awaited: Report["report"]): Promise<void> {
    return new Promise((resolve, reject) => {
      const gone = (): void => reject(new Error("the process is gone"));
      const hear = (report: Report): void => {
        this.#child.off("message", hear).off("exit", gone);
        if (report.report === awaited) resolve();
        else reject(new Error(report.report === "failed" ? report.message : `"${report.report}" was not waited for`));
      };
      this.#child.on("message", hear).once("exit", gone);
      this.order(order);
    });
  }

  /** By -9. Resolves once it is gone. */
  async kill(): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) this.#child.kill("SIGKILL");
    await this.#exited;
  }
}
