/** Where callers come from, for those whom nobody knows otherwise. */
import { isIPv6 } from "node:net";

/**
 * What of an address counts as one caller: all of it, and of IPv6 the first 64 bits, since whoever has one address of such
 * a network has all of them. An IPv4 address is the same however it is written.
 */
export function networkOf(address: string): string {
  const mapped = /^::ffff:([\d.]+)$/i.exec(address)?.[1];
  if (mapped !== undefined) return mapped;
  const [bare = ""] = address.split("%", 1);
  if (!isIPv6(bare)) return address;
  const [before = "", after] = bare.toLowerCase().split("::", 2);
  const groups = [before, after ?? ""].map((half) => (half === "" ? [] : half.split(":")));
  const [left = [], right = []] = groups;
  // One that ends in an IPv4 address is a group longer than it looks; only what comes before counts.
  const zeros = Math.max(0, 8 - left.length - right.length);
  const whole = after === undefined ? left : [...left, ...Array.from({ length: zeros }, () => "0"), ...right];
  const network = whole.slice(0, 4).map((group) => Number.parseInt(group, 16).toString(16));
  return `${network.join(":")}::/64`;
}

/** Remembers of requests that tools are handed where they came from. */
export class Addresses {
  readonly #of = new WeakMap<Request, string>();

  /** The same request. */
  note(request: Request, address: string | undefined): Request {
    if (address !== undefined) this.#of.set(request, address);
    return request;
  }

  /** Undefined where nothing is known: a message that came by way of another node, say. */
  of(request: Request | undefined): string | undefined {
    return request === undefined ? undefined : this.#of.get(request);
  }
}
