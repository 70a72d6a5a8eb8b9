import { SUPPORTED_PROTOCOL_VERSIONS } from "@modelcontextprotocol/server";

/** From this version on clients understand events without data, and with them resuming a stream from its start. */
const firstPriming = "2025-11-25";
/** The only version that ever had batches over this transport. */
const batchVersion = "2025-03-26";
/** What a client speaks that names no version. */
export const unnamedVersion: string = batchVersion;

/** The versions with sessions that the SDK speaks, newest first. */
export const supportedVersions: readonly string[] = SUPPORTED_PROTOCOL_VERSIONS.filter((version) => version < "2026");

export function isSupported(version: string): boolean {
  return supportedVersions.includes(version);
}

export function primes(version: string): boolean {
  return isSupported(version) && version >= firstPriming;
}

export function hasBatches(version: string): boolean {
  return version === batchVersion;
}
