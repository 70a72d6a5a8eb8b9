import { resultName } from "./names.ts";
import type { Resolved } from "./resolve.ts";
import type { Shown } from "./row.ts";
import { keysOf, type SettingKey, type Table } from "./table.ts";
import { withoutPassword } from "./without-password.ts";

/**
 * The settings in effect under the names a configuration file may use, so that the answer can be saved as one.
 * Secrets are left out, and so is what was not set and has no default.
 */
export function shownSettings(table: Table, { settings }: Resolved): Readonly<Record<string, unknown>> {
  const entries = keysOf(table)
    .filter((key) => table[key].secret !== true)
    .map((key) => [resultName(key), shown(table, key, settings[key])] as const)
    .filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries);
}

/** A setting's value as configuration would write it. */
export function shown(table: Table, key: SettingKey, value: unknown): Shown {
  // The value is one of this row: of the settings it resolved to, or its default.
  const show = table[key].show as (value: unknown) => Shown;
  const text = show(value);
  return typeof text === "string" ? withoutPassword(text) : text;
}
