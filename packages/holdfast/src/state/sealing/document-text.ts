/** The text of a document as it is stored: sealed as a whole, or with some of its members sealed. Always JSON. */
import { HoldfastError } from "../../record/errors.ts";
import type { Owner } from "../../record/record.ts";
import { parseEnvelope } from "../../security/sealing/envelope.ts";
import type { DocumentPlace, Sealer } from "../../security/sealing/sealer.ts";
import type { Sealed } from "./policy.ts";

type Members = Readonly<Record<string, unknown>>;

export async function sealDocumentText(
  sealer: Sealer,
  owner: Owner,
  place: DocumentPlace,
  text: string,
  sealed: Sealed,
): Promise<string> {
  if (sealed === true) return JSON.stringify(await sealer.sealDocument(owner, place, text));
  return await eachMember(text, sealed, async (value, field) =>
    sealer.sealDocument(owner, place, JSON.stringify(value), field),
  );
}

/** Throws `SEAL_BROKEN` and `SEAL_KEY_MISSING` as the sealer does. */
export async function openDocumentText(
  sealer: Sealer,
  owner: Owner,
  place: DocumentPlace,
  stored: string,
  sealed: Sealed,
): Promise<string> {
  if (sealed === true) return await sealer.openDocument(owner, place, envelopeIn(stored));
  return await eachMember(stored, sealed, async (value, field) => {
    const text = typeof value === "string" && parseEnvelope(value) !== undefined ? value : JSON.stringify(value);
    return JSON.parse(await sealer.openDocument(owner, place, text, field)) as unknown;
  });
}

/** The ids of the keys that a document is sealed with; `undefined` stands for what is not sealed and should be. */
export function keyIdsOf(stored: string, sealed: Sealed): readonly (string | undefined)[] {
  if (sealed === true) return [parseEnvelope(envelopeIn(stored))?.keyId];
  const members = membersOf(stored);
  return sealed
    .filter((field) => members !== undefined && Object.hasOwn(members, field))
    .map((field) => {
      const value = members?.[field];
      return typeof value === "string" ? parseEnvelope(value)?.keyId : undefined;
    });
}

/** What of a stored document is sealed, whatever its kind says; undefined where nothing is. */
export function sealedPartsOf(stored: string): Sealed | undefined {
  if (parseEnvelope(envelopeIn(stored)) !== undefined) return true;
  if (!stored.includes('"hs1.')) return undefined;
  const members = Object.entries(membersOf(stored) ?? {});
  return members.filter(([, value]) => typeof value === "string" && parseEnvelope(value)).map(([name]) => name);
}

/** What is between the quotes; what has none was never sealed, and is given on as it is. */
function envelopeIn(stored: string): string {
  return stored.startsWith('"hs1.') && stored.endsWith('"') ? stored.slice(1, -1) : stored;
}

async function eachMember(
  text: string,
  fields: readonly string[],
  change: (value: unknown, field: string) => Promise<unknown>,
): Promise<string> {
  const members = membersOf(text);
  if (members === undefined) return text;
  const changed = await Promise.all(
    Object.entries(members).map(async ([name, value]) =>
      fields.includes(name) ? ([name, await change(value, name)] as const) : ([name, value] as const),
    ),
  );
  // `fromEntries` defines properties, so that a member called "__proto__" stays one.
  return JSON.stringify(Object.fromEntries(changed));
}

function membersOf(text: string): Members | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new HoldfastError("STORE_CORRUPT", "a document is not the JSON text that was written");
  }
  const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
  // Made from JSON: what is an object has members.
  return isObject ? (value as Members) : undefined;
}
