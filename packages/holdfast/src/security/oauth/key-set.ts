import { readFile } from "node:fs/promises";
import { createLocalJWKSet, type JSONWebKeySet, type JWTVerifyGetKey, errors as joseErrors } from "jose";
import { HoldfastError } from "../../record/errors.ts";
import type { ResolvedOAuthOptions } from "./options.ts";

const fetchMs = 5_000;
const maxBytes = 1024 * 1024;

type Loaded = { readonly find: JWTVerifyGetKey; readonly at: number };

/**
 * The issuer's keys. Fetched when first needed, again when they are old, and when a token names a key that is not among
 * them, as after a rotation; but never more often than the cooldown allows, so that nobody makes us flood the issuer with
 * invented key ids. Where they cannot be had, those from before go on serving. Throws `UNAVAILABLE` where there are none.
 */
export class KeySet {
  readonly #options: ResolvedOAuthOptions;
  #loaded: Loaded | undefined;
  #triedAt = Number.NEGATIVE_INFINITY;
  #failure: unknown;
  #loading: Promise<void> | undefined;

  constructor(options: ResolvedOAuthOptions) {
    this.#options = options;
  }

  readonly find: JWTVerifyGetKey = async (header, token) => {
    const { maxKeyAgeMs } = this.#options;
    if (this.#loaded === undefined || performance.now() - this.#loaded.at > maxKeyAgeMs) await this.#load();
    const loaded = this.#loaded;
    if (loaded === undefined) {
      throw new HoldfastError("UNAVAILABLE", "the issuer's keys cannot be had", { cause: this.#failure });
    }
    try {
      return await loaded.find(header, token);
    } catch (error) {
      if (!(error instanceof joseErrors.JWKSNoMatchingKey)) throw error;
      await this.#load();
      if (this.#loaded === undefined || this.#loaded === loaded) throw error;
      return await this.#loaded.find(header, token);
    }
  };

  /** One at a time, and none within the cooldown. Never rejects. */
  async #load(): Promise<void> {
    if (this.#loading === undefined) {
      if (performance.now() - this.#triedAt < this.#options.keyCooldownMs) return;
      this.#loading = this.#loadNow().finally(() => (this.#loading = undefined));
    }
    await this.#loading;
  }

  async #loadNow(): Promise<void> {
    this.#triedAt = performance.now();
    try {
      const keys = await readKeys(this.#options.jwks);
      this.#loaded = { find: createLocalJWKSet(keys), at: performance.now() };
      this.#failure = undefined;
    } catch (error) {
      this.#failure = error;
    }
  }
}

async function readKeys(source: ResolvedOAuthOptions["jwks"]): Promise<JSONWebKeySet> {
  if (source instanceof URL) return parse(await fetchText(source));
  if ("file" in source && typeof source.file === "string") return parse(await readFile(source.file, "utf8"));
  // What is no file is the keys themselves.
  return source as JSONWebKeySet;
}

function parse(text: string): JSONWebKeySet {
  const keys: unknown = JSON.parse(text);
  const isKeySet = typeof keys === "object" && keys !== null && "keys" in keys && Array.isArray(keys.keys);
  if (!isKeySet) throw new Error("this is no JSON Web Key Set");
  // What its members are, jose checks.
  return keys as JSONWebKeySet;
}

async function fetchText(url: URL): Promise<string> {
  const answer = await fetch(url, {
    headers: { accept: "application/jwk-set+json, application/json" },
    redirect: "error",
    signal: AbortSignal.timeout(fetchMs),
  });
  const parts: Uint8Array[] = [];
  let size = 0;
  // The bytes of an answer are bytes, though the type of the web's streams does not say so.
  for await (const part of (answer.body ?? []) as AsyncIterable<Uint8Array>) {
    size += part.byteLength;
    if (size > maxBytes) throw new Error("the key set is too large");
    parts.push(part);
  }
  if (!answer.ok) throw new Error(`the issuer answered ${answer.status}`);
  return Buffer.concat(parts).toString("utf8");
}
