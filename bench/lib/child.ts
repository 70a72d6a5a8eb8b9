import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";

/** A server under measurement in a process of its own, so that the load generator does not share its event loop. */
export class ServerChild {
  readonly #child: ChildProcess;
  readonly port: number;

  private constructor(child: ChildProcess, port: number) {
    this.#child = child;
    this.port = port;
  }

  static async start(script: string, args: readonly string[] = []): Promise<ServerChild> {
    const path = fileURLToPath(new URL(`../servers/${script}.js`, import.meta.url));
    const child = fork(path, [...args], { execArgv: ["--expose-gc"], stdio: ["ignore", "ignore", "inherit", "ipc"] });
    const { port } = await answerOf<{ port: number }>(child);
    return new ServerChild(child, port);
  }

  async memory(): Promise<{ readonly rss: number; readonly heapUsed: number; readonly external: number }> {
    const answer = answerOf<{ rss: number; heapUsed: number; external: number }>(this.#child);
    this.#child.send("memory");
    return await answer;
  }

  /** Of processors, since it began, in milliseconds. */
  async processorMs(): Promise<number> {
    const answer = answerOf<{ processorMs: number }>(this.#child);
    this.#child.send("processor");
    return (await answer).processorMs;
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null) return;
    const gone = new Promise<void>((resolve) => this.#child.once("exit", () => resolve()));
    this.#child.kill("SIGKILL");
    await gone;
  }
}

function answerOf<T>(child: ChildProcess): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const gone = (code: number | null): void => reject(new Error(`the server under measurement exited with ${code}`));
    child.once("exit", gone);
    child.once("message", (message) => {
      child.off("exit", gone);
      // Our own servers send what their callers ask for.
      resolve(message as T);
    });
  });
}
