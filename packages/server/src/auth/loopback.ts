import { isIPv4 } from "node:net";

/** Whether an address to bind is reachable from this machine only. */
export function isLoopback(host: string): boolean {
  const bare = host.startsWith("[") && host.endsWith("]") ? host.slice(1, -1) : host;
  const name = bare.toLowerCase();
  if (name === "localhost" || name === "::1" || name === "0:0:0:0:0:0:0:1") return true;
  const mapped = name.startsWith("::ffff:") ? name.slice(7) : name;
  return isIPv4(mapped) && mapped.startsWith("127.");
}
