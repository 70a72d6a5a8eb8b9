/** Text that UTF-8 would not give back goes as JSON behind a mark; all other text as it is behind another. */
import { isWellFormed } from "../../record/text.ts";

export function toArgument(text: string): string {
  return isWellFormed(text) ? `=${text}` : `~${JSON.stringify(text)}`;
}

export function fromArgument(argument: string): string {
  const text = argument.slice(1);
  // What stands behind this mark was put there by `toArgument`.
  return argument.startsWith("~") ? (JSON.parse(text) as string) : text;
}
