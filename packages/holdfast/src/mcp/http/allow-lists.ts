/**
 * Which names a request may address and which pages may send it. A browser that was lured to a hostile page can reach
 * loopback addresses; these two checks are what stands between that page and the user's state.
 */
import { HoldfastError } from "../../record/errors.ts";

const loopbackNames: readonly string[] = ["localhost", "127.0.0.1", "[::1]"];
const hostPattern = /^(\[[0-9a-f:.]+\]|[^\s:/@[\]?#\\]+)(?::\d{1,5})?$/i;
const originPattern = /^(https?):\/\/(\[[0-9a-f:.]+\]|[^\s:/@[\]?#\\]+)(?::\d{1,5})?$/i;

export type AllowList = (header: string | undefined) => boolean;

/** Checks a `Host` header. The port is not looked at. Without a list: the loopback names. */
export function hostAllowList(allowed: readonly string[] | "any" | undefined): AllowList {
  if (allowed === "any") return () => true;
  const names = new Set((allowed ?? loopbackNames).map(hostName));
  return (header) => {
    const name = header === undefined ? undefined : hostPattern.exec(header)?.[1];
    return name !== undefined && names.has(name.toLowerCase());
  };
}

/** Checks an `Origin` header; a request without one is no browser's. Without a list: loopback pages, at any port. */
export function originAllowList(allowed: readonly string[] | "any" | undefined): AllowList {
  if (allowed === "any") return () => true;
  if (allowed === undefined) {
    return (header) => {
      if (header === undefined) return true;
      const name = originPattern.exec(header)?.[2];
      return name !== undefined && loopbackNames.includes(name.toLowerCase());
    };
  }
  const origins = new Set(allowed.map(originOf));
  return (header) => header === undefined || origins.has(header.toLowerCase());
}

function hostName(entry: string): string {
  const bracketed = entry.includes(":") && !entry.startsWith("[") ? `[${entry}]` : entry;
  if (hostPattern.exec(bracketed)?.[1] !== bracketed) {
    throw new HoldfastError(
      "INVALID_ARGUMENT",
      `allowedHosts: "${entry}" is not a host name; give it without scheme and port`,
    );
  }
  return bracketed.toLowerCase();
}

function originOf(entry: string): string {
  const scheme = /^([a-z][a-z0-9+.-]*):\/\/[^\s/]+$/i.exec(entry)?.[1]?.toLowerCase();
  if (scheme === undefined) {
    throw new HoldfastError(
      "INVALID_ARGUMENT",
      `allowedOrigins: "${entry}" is not an origin such as "https://app.example.com"`,
    );
  }
  // Browsers leave out the default port of http and https; other schemes (editors, extensions) have no such form.
  return (scheme === "http" || scheme === "https" ? new URL(entry).origin : entry).toLowerCase();
}
