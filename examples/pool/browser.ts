/** A browser of this process: a child that is told what to open, one page at a time. */
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { HoldfastError } from "holdfast";

export type Link = { readonly link: number; readonly text: string; readonly url: string };
export type Page = {
  readonly url: string;
  readonly status: number;
  readonly title: string;
  readonly text: string;
  readonly links: readonly Link[];
};

/** An address, or the number of a link of the page it is at. */
export type Order = { readonly url: string } | { readonly link: number };
export type Answer = { readonly page: Page } | { readonly problem: string };

const answerMs = 30_000;

export class Browser implements AsyncDisposable {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #answers: AsyncIterator<string>;
  readonly #closed: Promise<unknown>;
  /** The order before this one: pages are opened one after the other, as in a window. */
  #last: Promise<unknown> = Promise.resolve();
  #alive = true;

  private constructor(child: ChildProcessWithoutNullStreams) {
    this.#child = child;
    this.#answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    this.#closed = once(child, "close").then(() => (this.#alive = false));
    // Writing to a browser that has crashed fails; who waits for its answer is told.
    child.stdin.on("error", () => undefined);
    child.stderr.resume();
  }

  static async start(program: string): Promise<Browser> {
    // Nothing of our environment, keys and tokens least of all, is a browser's business.
    const child = spawn(process.execPath, [program], { env: {} });
    const browser = new Browser(child);
    await once(child, "spawn");
    return browser;
  }

  /** False once it has crashed or was closed. */
  get alive(): boolean {
    return this.#alive;
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  open(order: Order): Promise<Page> {
    const page = this.#last.then(() => this.#ask(order));
    this.#last = page.catch(() => undefined);
    return page;
  }

  /** Ends its input and waits until it is gone. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.stdin.end();
    await this.#closed;
  }

  async #ask(order: Order): Promise<Page> {
    // One that hangs is of no more use than one that has crashed.
    const deadline = setTimeout(() => this.#child.kill("SIGKILL"), answerMs);
    try {
      this.#child.stdin.write(`${JSON.stringify(order)}\n`);
      const next = await this.#answers.next();
      if (next.done === true) throw new HoldfastError("UNAVAILABLE", "the browser has crashed; open the page again");
      // Written by our own program.
      const answer = JSON.parse(next.value) as Answer;
      if ("problem" in answer)
        throw new HoldfastError("INVALID_ARGUMENT", `the page cannot be opened: ${answer.problem}`);
      return answer.page;
    } finally {
      clearTimeout(deadline);
    }
  }
}
