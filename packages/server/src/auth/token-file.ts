import type { Principal } from "holdfast";
import { HoldfastError } from "holdfast/contract";

import { nearest } from "../settings/names.ts";

export type TokenEntry = { readonly token: string; readonly principal: Principal };

/** The issuer of everybody who comes with a token from a file. */
export const tokenIssuer = "token";

const entryFields = ["subject", "clientId", "scopes"];

/**
 * Reads `{ "<token>": { "subject": "alice", "clientId": "cli", "scopes": ["admin"] } }`. Throws `CONFIGURATION`; a
 * message names an entry by its place and never repeats a token.
 */
export function parseTokenFile(content: string, path: string): readonly TokenEntry[] {
  let parsed: unknown;
  try {
    parsed = JSON.parse(content);
  } catch {
    // The parser's message quotes what it stumbled over, which may be a token.
    throw wrong(path, "it is not valid JSON");
  }
  if (!isObject(parsed)) throw wrong(path, 'it has to hold one object: { "<token>": { "subject": "alice" } }');
  const entries = Object.entries(parsed).map(([token, entry], index) => readEntry(path, index + 1, token, entry));
  if (entries.length === 0) throw wrong(path, "it names no token, so nobody could call");
  return entries;
}

function readEntry(path: string, place: number, token: string, entry: unknown): TokenEntry {
  const complain = (problem: string): HoldfastError => wrong(path, `entry ${place} ${problem}`);
  if (!/^[\x21-\x7e]+$/.test(token)) throw complain("has a token that no header can carry (visible ASCII, no spaces)");
  if (!isObject(entry)) throw complain('is not an object such as { "subject": "alice" }');
  for (const field of Object.keys(entry)) {
    if (entryFields.includes(field)) continue;
    const meant = nearest(field, entryFields);
    throw complain(`has an unknown field "${field}"${meant === undefined ? "" : `; did you mean "${meant}"?`}`);
  }
  const { subject, clientId, scopes = [] } = entry;
  if (typeof subject !== "string" || subject === "") throw complain('needs a "subject": a text that names the user');
  if (clientId !== undefined && (typeof clientId !== "string" || clientId === "")) {
    throw complain('has a "clientId" that is not a text');
  }
  if (!isTexts(scopes)) throw complain('has "scopes" that are not a list of texts');
  return { token, principal: { issuer: tokenIssuer, subject, clientId, scopes } };
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((item) => typeof item === "string" && item !== "");
}

function wrong(path: string, problem: string): HoldfastError {
  return new HoldfastError("CONFIGURATION", `the token file ${path} cannot be used: ${problem}`);
}
