import { duration, type Group, type Row } from "../../settings/row.ts";

/** A point in time, once the store's clock is known. */
export type Moment = (now: number) => number;

/** An ISO 8601 time, or how long ago: `2h`. */
export function moment({ group, help }: { readonly group: Group; readonly help: string }): Row<Moment | undefined> {
  const ago = duration({ default: 0, min: 0, max: Number.MAX_SAFE_INTEGER, group, help });
  return {
    default: undefined,
    placeholder: "TIME",
    group,
    help,
    show: () => undefined,
    read: (text) => {
      if (/^\d{4}-\d{2}-\d{2}/.test(text)) {
        const at = Date.parse(text);
        if (!Number.isNaN(at)) return () => at;
      } else if (/^\d+[a-z]+$/i.test(text)) {
        const ms = ago.read(text);
        return (now) => now - ms;
      }
      throw new Error("a time such as 2026-11-25T08:00:00Z, or how long ago, such as 2h");
    },
  };
}
