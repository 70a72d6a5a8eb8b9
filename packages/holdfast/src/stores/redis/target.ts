/** Addresses of Redis: one server, a primary known to sentinels, or a cluster. */
import { HoldfastError } from "../../record/errors.ts";

export type Address = { readonly host: string; readonly port: number };

export type RedisTarget = {
  readonly mode: "single" | "sentinel" | "cluster";
  /** The server, the sentinels, or some nodes of the cluster. */
  readonly addresses: readonly Address[];
  readonly tls: boolean;
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly database: number;
  /** What the sentinels call the primary. */
  readonly primary: string;
  /** What stands behind the question mark, by name. */
  readonly query: ReadonlyMap<string, string>;
};

const form = /^(rediss?)(?:\+(sentinel|cluster))?:\/\/(?:([^@/]*)@)?([^/?#@]*)((?:\/[^?#]*)?)(?:\?([^#]*))?$/;

/** Throws `CONFIGURATION` for what is no such address. Messages never repeat it: it may hold a password. */
export function targetOf(url: string): RedisTarget {
  const parts = typeof url === "string" ? form.exec(url) : null;
  if (parts === null) throw wrong("url is a URL such as redis://user:password@host:6379/0");
  const [, scheme = "", how = "single", credentials, hosts = "", path = "", query = ""] = parts;
  const mode = how === "sentinel" || how === "cluster" ? how : "single";
  const segments = path.split("/").filter((segment) => segment !== "");
  const primary = mode === "sentinel" ? segments.shift() : "";
  if (primary === undefined) throw wrong("a redis+sentinel URL ends with the name of the primary, such as /mymaster");
  const [database = "0", ...more] = segments;
  if (!/^\d{1,4}$/.test(database) || more.length > 0) throw wrong("the path of a Redis URL is a database number");
  if (mode === "cluster" && database !== "0") throw wrong("a cluster has database 0 only");
  const addresses = hosts.split(",").map((host) => addressOf(host, mode === "sentinel" ? 26_379 : 6_379));
  if (mode === "single" && addresses.length > 1) {
    throw wrong("several hosts are a cluster (redis+cluster://) or sentinels (redis+sentinel://), not one server");
  }
  return {
    mode,
    addresses,
    tls: scheme === "rediss",
    ...credentialsOf(credentials),
    database: Number(database),
    primary: decoded(primary),
    query: new Map(new URLSearchParams(query)),
  };
}

/** `host`, `host:port`, `[address]:port` */
function addressOf(text: string, fallbackPort: number): Address {
  const parts = /^(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9._-]+))(?::(\d{1,5}))?$/.exec(text === "" ? "localhost" : text);
  if (parts === null) throw wrong("a host in url is none: host, host:port or [address]:port, separated by commas");
  const [, bracketed, plain = "", port] = parts;
  return { host: bracketed ?? plain, port: port === undefined ? fallbackPort : Number(port) };
}

function credentialsOf(text: string | undefined): Pick<RedisTarget, "username" | "password"> {
  if (text === undefined || text === "") return { username: undefined, password: undefined };
  const [user = "", ...rest] = text.split(":");
  const username = user === "" ? undefined : decoded(user);
  return { username, password: rest.length === 0 ? undefined : decoded(rest.join(":")) };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch (cause) {
    throw new HoldfastError("CONFIGURATION", "url has a % that encodes nothing", { cause });
  }
}

function wrong(message: string): HoldfastError {
  return new HoldfastError("CONFIGURATION", message);
}
