/**
 * That nothing reaches a store without its owner: every statement on what owners have names one, every script keeps to the
 * keys it was given, every key is made of an owner, and no text is put together of what callers say. What is excused is data
 * with a reason, and an excuse that is needed no more has to go.
 */
import { dialects, doors, keyMakers, parts, scripts, unownedKeys } from "./rules.ts";
import { type Text, textsOf } from "./texts.ts";

const verb = /^\s*(?:with|select|insert|update|delete|merge|create|perform|for|if|return)\b/i;
const sql = /\b(?:select|insert\s+(?:or\s+\w+\s+)?into|update|delete\s+from|merge\s+into|perform)\b/i;

export type Excuses = {
  readonly doors: ReadonlyMap<string, string>;
  readonly parts: ReadonlyMap<string, string>;
  readonly keyMakers: ReadonlyMap<string, string>;
  readonly unownedKeys: ReadonlyMap<string, string>;
};

const excused: Excuses = { doors, parts, keyMakers, unownedKeys };

/** @param sources text by path. */
export function checkOwners(
  sources: ReadonlyMap<string, string>,
  { doors, parts, keyMakers, unownedKeys }: Excuses = excused,
): readonly string[] {
  const found: string[] = [];
  const used = new Set<string>();
  const excuse = (list: ReadonlyMap<string, string>, isMeant: (entry: string) => boolean): boolean => {
    const entry = [...list.keys()].find(isMeant);
    if (entry !== undefined) used.add(entry);
    return entry !== undefined;
  };
  for (const [path, source] of sources) {
    if (/\.test(?:-kit)?\.ts$/.test(path)) continue;
    for (const text of textsOf(path, source)) {
      const at = `${path}:${text.line}`;
      for (const [statement, tables] of unbound(path, text)) {
        if (excuse(doors, (part) => statement.includes(part))) continue;
        found.push(`${at}: names no owner for ${tables.join(", ")}: ${shortened(statement)}`);
      }
      if (isStatement(path, text.text)) {
        for (const part of text.computed) {
          const [name = part] = /^[\w.]+/.exec(part) ?? [];
          if (excuse(parts, (entry) => entry === `${path} ${name}`)) continue;
          found.push(`${at}: ${name} is put into the text of a statement; make it a parameter`);
        }
      }
      for (const key of strayKeys(path, text)) found.push(`${at}: a script reaches for the key ${key}`);
      if (isKeyName(path, text.text) && !excuse(keyMakers, (entry) => entry === text.text)) {
        found.push(`${at}: makes the name of a key, ${text.text}`);
      }
    }
    for (const asked of source.matchAll(/\.(?:ofBucket\(|settings\b(?!:)|channels\b)/g)) {
      if (!/\/stores\/(?:redis|tiered)\//.test(path) || !/[kK]eys$/.test(source.slice(0, asked.index))) continue;
      if (excuse(unownedKeys, (entry) => entry === path)) continue;
      found.push(`${path}: asks for a key of no owner, ${asked[0]}`);
    }
  }
  for (const list of [doors, parts, keyMakers, unownedKeys]) {
    for (const entry of list.keys())
      if (!used.has(entry)) found.push(`scripts/owners/rules.ts: excused without need: ${entry}`);
  }
  return found;
}

function isStatement(path: string, text: string): boolean {
  return dialects.some((dialect) => path.startsWith(dialect.path)) && verb.test(text) && sql.test(text);
}

/** Statements that name no owner, and the tables they look at. */
function unbound(path: string, { text }: Text): readonly (readonly [string, readonly string[]])[] {
  const dialect = dialects.find((one) => path.startsWith(one.path));
  if (dialect === undefined || !sql.test(text)) return [];
  return statementsIn(text).flatMap((statement) => {
    const tables = Object.entries(dialect.tables).filter(
      ([table, bonds]) => reaches(statement, table) && !bonds.some((bond) => bond.test(statement)),
    );
    return tables.length === 0 ? [] : [[statement, tables.map(([table]) => table)] as const];
  });
}

/** Comments go; what ends with a semicolon, or opens a loop or a branch, is a statement. `case … then` is followed by no verb. */
function statementsIn(text: string): readonly string[] {
  const plain = text.replaceAll(/--[^\n]*/g, "").replaceAll(/\s+/g, " ");
  const verbs = "(?:insert|update|delete|select|perform|return|for)";
  return plain
    .split(new RegExp(`;| loop | (?:then|else|begin) (?=${verbs}\\b)`, "i"))
    .filter((part) => sql.test(part) && !/^ ?create (?:table|index|unique)/i.test(part));
}

function reaches(statement: string, table: string): boolean {
  const name = table.replace(".", "\\.");
  return new RegExp(`\\b(?:from|join|into|update|using)\\s+(?:only\\s+)?${name}\\b(?!\\.)`, "i").test(statement);
}

/** First keys of commands that were not handed to the script, or that it made itself. */
function strayKeys(path: string, { text }: Text): readonly string[] {
  const rule = scripts.find((one) => path.startsWith(one.path));
  if (rule === undefined) return [];
  const calls = text.matchAll(/\bp?call\(\s*('[A-Z]+'|[A-Za-z_]\w*)\s*(?:,\s*([^,)]+))?/g);
  return [...calls].flatMap(([, command = "", key]) => {
    // The clock, a commit that is tried, and a text that is taken apart: none of them names a key.
    if (command === "'TIME'" || command === "run" || command === "unpackm") return [];
    return key !== undefined && rule.keys.test(key.trim()) ? [] : [key ?? command];
  });
}

/** A template with a hash tag in it: that is how names of keys are made. */
function isKeyName(path: string, text: string): boolean {
  if (!/\/stores\/(?:redis|tiered)\//.test(path) || scripts.some((one) => path.startsWith(one.path))) return false;
  return text.includes("⟨") && /\{(?:⟨|[a-z0-9]+(?:⟨|\}))/.test(text);
}

function shortened(statement: string): string {
  const line = statement.trim();
  return line.length > 160 ? `${line.slice(0, 160)}…` : line;
}
