/** Dangers that an operator puts up with by name, wherever the names are given. */
import { HoldfastError } from "../record/errors.ts";

/** What a message says to who wants to put up with one more: in code, and where only a URL can be given. */
export function wayToAccept(accepted: readonly string[], risk: string): string {
  const names = [...accepted, risk];
  const quoted = names.map((name) => JSON.stringify(name)).join(", ");
  return `or accept it by name: accept: [${quoted}] in code, or ?accept=${names.join(",")} behind its URL`;
}

/** The names behind `accept=` of a URL. Throws `CONFIGURATION` for one that no danger has. */
export function acceptedIn<Risk extends string>(text: string | undefined, risks: readonly Risk[]): readonly Risk[] {
  return requireRisks(
    (text ?? "").split(",").filter((name) => name !== ""),
    risks,
  );
}

/** Throws `CONFIGURATION` for a name that no danger has. */
export function requireRisks<Risk extends string>(names: readonly string[], risks: readonly Risk[]): readonly Risk[] {
  return names.map((name) => {
    const risk = risks.find((known) => known === name);
    if (risk !== undefined) return risk;
    throw new HoldfastError("CONFIGURATION", `accept names "${name}", which is none of ${risks.join(", ")}`);
  });
}
