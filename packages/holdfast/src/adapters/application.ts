import { HoldfastError } from "../record/errors.ts";
import { ownerOf } from "../record/ids.ts";
import type { Quota } from "../record/quota.ts";
import type { Owner } from "../record/record.ts";
import { engineIssuer } from "../security/principal.ts";

/** Whose hands an adapter's state is in where its host passes no caller. */
export type ApplicationOptions = {
  /** Tells applications apart that share a store: 1 to 128 characters. Default `default`. */
  readonly application?: string;
  /** Bytes that all of the application's sessions may take up together. Default 256 MiB; beyond it new ones are refused. */
  readonly maxBytes?: number;
  /** Called with failures that no caller is there to hear of. */
  readonly onError?: (error: unknown) => void;
};

/**
 * The partition of one application behind one adapter. The host's interfaces know no principals, so all of its sessions
 * lie together, and what can tell them apart is the secrecy of their ids.
 */
export function applicationOwner(adapter: string, { application = "default" }: ApplicationOptions): Owner {
  if (typeof application !== "string" || application.length < 1 || application.length > 128) {
    throw new HoldfastError("INVALID_ARGUMENT", "application is a text of 1 to 128 characters, the same on every node");
  }
  return ownerOf({ issuer: engineIssuer, subject: JSON.stringify(["adapter", adapter, application]) });
}

const defaultMaxBytes = 268_435_456;

/** What the application may grow to. */
export function applicationQuota({ maxBytes = defaultMaxBytes }: ApplicationOptions): Quota {
  if (Number.isSafeInteger(maxBytes) && maxBytes >= 1) return { bytes: maxBytes };
  throw new HoldfastError("INVALID_ARGUMENT", `maxBytes is a whole number from 1, not ${String(maxBytes)}`);
}

/** A listener that throws must not stop what it listens to. */
export function reporter({ onError }: ApplicationOptions): (error: unknown) => void {
  return (error) => {
    try {
      onError?.(error);
    } catch {
      // There is nobody left to tell.
    }
  };
}
