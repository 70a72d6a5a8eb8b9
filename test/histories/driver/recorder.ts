/**
 * Writes down what is asked and answered, each before anybody can act on it: a line before the call, and one after. The
 * lines of a killed process stay; an operation without a second line is one nobody was told about.
 */
import { closeSync, openSync, readFileSync, writeSync } from "node:fs";

import { type Answer, type History, type Moment, type Operation, type Request, unanswered } from "../history.ts";

export interface Recorder {
  /** Notes the beginning, does it, notes the answer, and gives it on. */
  record(name: string, request: Request, call: () => Promise<Answer>): Promise<Answer>;
}

type Line = readonly ["begun", string, Moment, Request] | readonly ["ended", string, Moment, Answer];

/** @param origin a reading of `process.hrtime.bigint()` that all recorders of a history count from. */
export class FileRecorder implements Recorder, Disposable {
  readonly #file: number;
  readonly #origin: bigint;

  constructor(path: string, origin: bigint) {
    this.#file = openSync(path, "a");
    this.#origin = origin;
  }

  async record(name: string, request: Request, call: () => Promise<Answer>): Promise<Answer> {
    this.#write(["begun", name, this.#now(), request]);
    const answer = await call();
    this.#write(["ended", name, this.#now(), answer]);
    return answer;
  }

  [Symbol.dispose](): void {
    closeSync(this.#file);
  }

  /** CLOCK_MONOTONIC is one for all processes of the machine. */
  #now(): Moment {
    return Number(process.hrtime.bigint() - this.#origin);
  }

  #write(line: Line): void {
    writeSync(this.#file, `${JSON.stringify(line)}\n`);
  }
}

/** Reads back what recorders wrote. */
export function readHistory(paths: readonly string[]): History {
  return paths.flatMap((path) => {
    const operations = new Map<string, Operation>();
    // Whoever was killed while writing left its last line unfinished.
    for (const text of readFileSync(path, "utf8").split("\n").slice(0, -1)) {
      // Our own lines.
      const line = JSON.parse(text) as Line;
      if (line[0] === "begun") {
        const [, name, begunAt, request] = line;
        operations.set(name, { name, begunAt, endedAt: Number.POSITIVE_INFINITY, request, answer: unanswered });
        continue;
      }
      const [, name, at, answer] = line;
      const begun = operations.get(name);
      if (begun === undefined) throw new Error(`${path}: "${name}" ended and never began`);
      // Of what is unknown nobody knows when it ended, or will.
      operations.set(name, { ...begun, answer, endedAt: answer.kind === "unknown" ? Number.POSITIVE_INFINITY : at });
    }
    return [...operations.values()];
  });
}
