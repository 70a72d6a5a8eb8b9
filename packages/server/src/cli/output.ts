/**
 * What a command says: results on stdout, as tables for people or as JSON for programs; everything else on stderr.
 * Colours and redrawn lines only where somebody looks at them.
 */
import { type Cell, type Column, renderTable } from "./table.ts";

export interface Output {
  /** Whether the answer has to be JSON. */
  readonly json: boolean;
  /** Whether stderr is a terminal that a line may be redrawn on. */
  readonly interactive: boolean;
  /** How wide stdout is; without a bound where it is no terminal. */
  readonly width: number;
  /** How wide stderr is right now. */
  readonly columns: number;
  readonly paint: Paint;
  /** A line of the answer. */
  line(text: string): void;
  /** The answer as one JSON document. */
  value(value: unknown): void;
  table(columns: readonly Column[], rows: readonly (readonly Cell[])[]): void;
  /** A line beside the answer. */
  note(text: string): void;
  /** Text on stderr as it is: for what is redrawn. */
  raw(text: string): void;
}

export type Paint = {
  readonly good: (text: string) => string;
  readonly bad: (text: string) => string;
  readonly warn: (text: string) => string;
  readonly dim: (text: string) => string;
  readonly bold: (text: string) => string;
};

type Stream = { readonly isTTY?: boolean; readonly columns?: number; write(text: string): unknown };

export type Streams = {
  readonly stdout: Stream;
  readonly stderr: Stream;
  readonly env: Readonly<Record<string, string | undefined>>;
};

export function createOutput({ stdout, stderr, env }: Streams, json: boolean): Output {
  const terminal = stdout.isTTY === true;
  // https://no-color.org: any value but the empty one.
  const coloured = terminal && !json && !env["NO_COLOR"] && env["TERM"] !== "dumb";
  const width = terminal ? stdout.columns || 80 : Number.POSITIVE_INFINITY;
  return {
    json,
    interactive: stderr.isTTY === true && env["TERM"] !== "dumb",
    get columns() {
      return stderr.columns || 80;
    },
    width,
    paint: coloured ? colours : plain,
    line: (text) => void stdout.write(`${text}\n`),
    value: (value) => void stdout.write(`${JSON.stringify(value, null, 2)}\n`),
    table: (columns, rows) => {
      for (const line of renderTable(columns, rows, width, (coloured ? colours : plain).bold))
        stdout.write(`${line}\n`);
    },
    note: (text) => void stderr.write(`${text}\n`),
    raw: (text) => void stderr.write(text),
  };
}

const same = (text: string): string => text;
const plain: Paint = { good: same, bad: same, warn: same, dim: same, bold: same };
const colour =
  (code: number) =>
  (text: string): string =>
    `\u001b[${code}m${text}\u001b[0m`;
const colours: Paint = { good: colour(32), bad: colour(31), warn: colour(33), dim: colour(2), bold: colour(1) };
