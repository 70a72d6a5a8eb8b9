/** What a setting is: how its text is read, what it is without one, and how it is explained. */

export type Shown = string | number | boolean | readonly string[] | undefined;

export type Row<Value> = {
  /** Turns text into the value. Throws an `Error` that completes the sentence "… is not". */
  readonly read: (text: string) => Value;
  /** The value as configuration would write it: what help and `get_server_config` show. */
  readonly show: (value: Value) => Shown;
  readonly default: Value;
  /** Stands for the value in help; absent where the flag alone says it (`--stdio`, `--no-stdio`). */
  readonly placeholder?: string;
  readonly help: string;
  readonly group: Group;
  /** Left out wherever effective settings are shown. */
  readonly secret?: boolean;
  /**
   * Whether a file can be named instead: one that holds the value as its `text`, or, where the value may be the name of a file
   * anyway, that `name`.
   */
  readonly inFile?: "text" | "name";
  /** Of a limit: what is answered to what goes beyond it. */
  readonly beyond?: string;
  /** Of a limit: the option of the library that it sets. */
  readonly option?: string;
  /** On the short page of help it stands by its name alone. */
  readonly brief?: true;
  /** A list: given again, the flag adds to what it had. Any other may be given once. */
  readonly many?: true;
};

export const groups = ["Where it listens", "Who may call", "How it answers", "Limits", "This process"] as const;
/** `This command`: a flag of one command, which is no setting: no variable and no name in a file. */
export type Group = (typeof groups)[number] | "This command";

type Explained = Pick<Row<never>, "help" | "group" | "secret" | "inFile" | "brief" | "beyond" | "option">;

export function flag(row: Explained & { readonly default: boolean }): Row<boolean> {
  return { ...row, show: same, read: readBoolean };
}

export function text(row: Explained & { readonly default: string; readonly placeholder: string }): Row<string> {
  return { ...row, show: same, read: nonEmpty };
}

/** Text that may be left out altogether. */
export function optionalText(row: Explained & { readonly placeholder: string }): Row<string | undefined> {
  return { ...row, default: undefined, show: same, read: nonEmpty };
}

export function choice<const Value extends string>(
  row: Explained & { readonly default: Value; readonly choices: readonly Value[]; readonly placeholder: string },
): Row<Value> {
  return { ...row, show: same, read: (given) => oneOf(row.choices, given) };
}

/** Names separated by commas. */
export function list(row: Explained & { readonly placeholder: string }): Row<readonly string[] | undefined> {
  return { ...row, default: undefined, show: same, read: readList, many: true };
}

type Bounded = Explained & { readonly default: number; readonly min: number; readonly max: number };

export function integer(row: Bounded): Row<number> {
  return { ...row, placeholder: "N", show: same, read: (given) => within(row, wholeNumber(given), String) };
}

/** A limit that is none unless it is set. */
export function optionalInteger(row: Omit<Bounded, "default">): Row<number | undefined> {
  return {
    ...row,
    default: undefined,
    placeholder: "N",
    show: same,
    read: (given) => within(row, wholeNumber(given), String),
  };
}

/** Milliseconds; written with a unit (`90s`, `24h`). */
export function duration(row: Bounded): Row<number> {
  return {
    ...row,
    placeholder: "TIME",
    show: showDuration,
    read: (given) =>
      within(row, withUnit(given, durationUnits, "a time such as 500ms, 90s, 15m, 24h or 30d"), showDuration),
  };
}

/** Bytes; written with a unit (`64KiB`, `4MiB`). */
export function bytes(row: Bounded): Row<number> {
  return {
    ...row,
    placeholder: "SIZE",
    show: showBytes,
    read: (given) => within(row, withUnit(given, byteUnits, "a size such as 256KiB or 4MiB"), showBytes),
  };
}

/** A size that is none unless it is set. */
export function optionalBytes(row: Omit<Bounded, "default">): Row<number | undefined> {
  const { read } = bytes({ ...row, default: row.min });
  return {
    ...row,
    default: undefined,
    placeholder: "SIZE",
    show: (value) => (value === undefined ? undefined : showBytes(value)),
    read,
  };
}

function same<Value>(value: Value): Value {
  return value;
}

function nonEmpty(given: string): string {
  if (given === "") throw new Error("a text");
  return given;
}

function readBoolean(given: string): boolean {
  if (given === "true" || given === "1") return true;
  if (given === "false" || given === "0") return false;
  throw new Error("true or false");
}

function readList(given: string): readonly string[] {
  const names = given.split(",").map((name) => name.trim());
  if (names.includes("")) throw new Error("a list of names separated by commas");
  return names;
}

function oneOf<Value extends string>(choices: readonly Value[], given: string): Value {
  const found = choices.find((value) => value === given);
  if (found === undefined) throw new Error(`one of ${choices.join(", ")}`);
  return found;
}

function wholeNumber(given: string): number {
  if (!/^\d{1,15}$/.test(given)) throw new Error("a whole number");
  return Number(given);
}

function within(row: Pick<Bounded, "min" | "max">, value: number, show: (value: number) => string): number {
  if (value < row.min || value > row.max) throw new Error(`between ${show(row.min)} and ${show(row.max)}`);
  return value;
}

type Units = readonly (readonly [unit: string, factor: number])[];

const durationUnits: Units = [
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["m", 60_000],
  ["s", 1_000],
  ["ms", 1],
];
const byteUnits: Units = [
  ["GiB", 1024 ** 3],
  ["MiB", 1024 ** 2],
  ["KiB", 1024],
  ["B", 1],
];

function withUnit(given: string, units: Units, wanted: string): number {
  const parts = /^(\d{1,15})([a-z]*)$/i.exec(given);
  const unit = parts?.[2]?.toLowerCase();
  const factor = unit === "" ? 1 : units.find(([name]) => name.toLowerCase() === unit)?.[1];
  if (parts === null || factor === undefined) throw new Error(wanted);
  return Number(parts[1]) * factor;
}

function showDuration(ms: number): string {
  return showWithUnit(ms, durationUnits);
}

function showBytes(size: number): string {
  return showWithUnit(size, byteUnits);
}

function showWithUnit(value: number, units: Units): string {
  const [unit, factor] = units.find(([, size]) => value >= size && value % size === 0) ?? units.at(-1) ?? ["", 1];
  return `${value / factor}${unit}`;
}
