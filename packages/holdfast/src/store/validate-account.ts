import type { ChangeResult } from "../record/change.ts";
import { maxChangesPerCommit } from "../record/record.ts";
import { isWellFormed } from "../record/text.ts";
import type { AccountDump } from "./contract.ts";
import { validateTime } from "./dump-time.ts";
import { invalid, isVersion, validateCommitId, validateName, validatePosition } from "./validate.ts";

const maxCommits = 1_000;

/** Throws `INVALID_ARGUMENT` unless the account is one that a store could have exported. */
export function validateAccount({ floor, importFloor, commits }: AccountDump): void {
  validatePosition("the account's floor", floor);
  validatePosition("the account's importFloor", importFloor);
  if (importFloor > floor) throw invalid(`the account's importFloor ${importFloor} is above its floor ${floor}`);
  if (commits.length > maxCommits) throw invalid(`a page of an account has at most ${maxCommits} commit ids`);
  const seen = new Set<string>();
  for (const { id, digest, at, results } of commits) {
    validateCommitId(id);
    if (seen.has(id)) throw invalid("two outcomes of the account are of the same commit id");
    seen.add(id);
    if (typeof digest !== "string" || !isWellFormed(digest)) throw invalid("a digest of the account is no text");
    validateTime("a commit's at", at);
    if (results.length < 1 || results.length > maxChangesPerCommit) {
      throw invalid(`an outcome of the account has 1 to ${maxChangesPerCommit} results, not ${results.length}`);
    }
    for (const result of results) validateResult(result);
  }
}

function validateResult({ version, incarnation, created, counters, heads, expiresAt }: ChangeResult): void {
  if (!isVersion(version)) throw invalid(`an outcome's version is a safe integer from 1, not ${version}`);
  if (!isVersion(incarnation) || incarnation > version) {
    throw invalid(`an outcome's incarnation is a version up to ${version}, not ${incarnation}`);
  }
  if (typeof created !== "boolean") throw invalid("an outcome says whether it created: true or false");
  for (const [name, value] of counters) {
    validateName("counter", name);
    if (!Number.isSafeInteger(value)) throw invalid(`counter "${name}" of an outcome is a safe integer, not ${value}`);
  }
  for (const [name, head] of heads) {
    validateName("stream", name);
    validatePosition("an outcome's head", head);
  }
  if (expiresAt !== undefined) validateTime("an outcome's expiresAt", expiresAt);
}
