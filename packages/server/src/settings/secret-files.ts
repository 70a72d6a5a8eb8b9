/**
 * Settings that are secret, or may hold a secret, can be given as the name of a file instead, so that neither the list of
 * processes nor the environment shows them: `--metrics-token-file`, `HOLDFAST_METRICS_TOKEN_FILE`, "metrics-token-file".
 */
import { HoldfastError } from "holdfast/contract";

/** Much more than any secret has. */
const maxCharacters = 65_536;

/** What the flag is called that names the file of a setting. */
export function fileFlag(flag: string): string {
  return `${flag}-file`;
}

/** The text of such a file; the line break that editors end it with is none of it. Throws `CONFIGURATION`, and repeats nothing of it. */
export function textOfFile(path: string, calledAs: string, readFile: (path: string) => string): string {
  let text: string;
  try {
    text = readFile(path).replace(/\r?\n$/, "");
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new HoldfastError("CONFIGURATION", `the file of ${calledAs} cannot be read: ${reason}`, { cause: error });
  }
  if (text !== "" && text.length <= maxCharacters && !text.includes("\n")) return text;
  throw new HoldfastError(
    "CONFIGURATION",
    `the file of ${calledAs} (${path}) has to hold the value alone, as one line of at most ${maxCharacters} characters`,
  );
}
