/** Whose records a command is about. */

import { localUser, ownerOfIdentity } from "holdfast/admin";
import { HoldfastError, type Owner, type Store } from "holdfast/contract";

import { tokenIssuer } from "../../auth/token-file.ts";
import { optionalText, type Row } from "../../settings/row.ts";

const group = "This command";

export const principalHelp = "local (the local user), the subject of a token, or owner:DIGEST as lists show it";

export const principal: Row<string | undefined> = optionalText({
  placeholder: "PRINCIPAL",
  group,
  help: "Only of this principal: local, a subject, or owner:DIGEST",
});
export const issuer: Row<string | undefined> = optionalText({
  placeholder: "URL",
  group,
  help: "Who vouches for the subject, where that is not a token file",
});

/** The partition of `local`, `SUBJECT` or `owner:DIGEST`. Throws `INVALID_ARGUMENT`. */
export function ownerNamed(name: string, issuedBy: string | undefined): Owner {
  if (name.startsWith("owner:")) return ownerOfDigest(name.slice("owner:".length));
  if (name === "local" && issuedBy === undefined) return ownerOfIdentity(localUser);
  return ownerOfIdentity({ issuer: issuedBy ?? tokenIssuer, subject: name });
}

/** Whether there is more of an owner than its floor: a record, or the outcome of a call, which is remembered for a day and may outlive its record. */
export async function hasAnythingOf(store: Store, owner: Owner, signal: AbortSignal): Promise<boolean> {
  const { records } = await store.admin.scan({ owner, limit: 1, signal });
  if (records.length > 0) return true;
  const account = await store.admin.exportAccount(owner, { limit: 1, signal });
  return account !== undefined && account.commits.length > 0;
}

export function ownerIfNamed(name: string | undefined, issuedBy: string | undefined): Owner | undefined {
  if (name !== undefined) return ownerNamed(name, issuedBy);
  if (issuedBy === undefined) return undefined;
  throw new HoldfastError("INVALID_ARGUMENT", "--issuer says who vouches for a subject: give --principal too");
}

function ownerOfDigest(digest: string): Owner {
  if (!/^[A-Za-z0-9_-]{32}$/.test(digest)) {
    throw new HoldfastError("INVALID_ARGUMENT", "owner: is followed by the 32 characters that lists show");
  }
  // The shape was checked, and whether anybody has it is for the store to say.
  return digest as Owner;
}
