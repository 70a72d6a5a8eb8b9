/**
 * An address without what is secret in it. Passwords are often put in as they are, with characters that end a URL's first
 * part, and drivers take them behind the `?` too; so this reads loosely, and leaves out too much rather than too little.
 */
const secretName = /pass|pwd|secret|token|api[-_]?key/i;

/** Whoever reads the settings needs where a store lies, and nothing of who logs in there. */
export function withoutPassword(text: string): string {
  if (!text.includes("://")) return text;
  return addressesIn(text).map(withoutLogin).join(",");
}

/** The pair of stores is two addresses with a comma between; hosts and risks have commas as well. */
function addressesIn(text: string): readonly string[] {
  const found: string[] = [];
  for (const part of text.split(",")) {
    const before = found.at(-1);
    if (before === undefined || part.includes("://")) found.push(part);
    else found[found.length - 1] = `${before},${part}`;
  }
  return found;
}

function withoutLogin(address: string): string {
  const begin = address.indexOf("://") + "://".length;
  const [place = "", ...rest] = address.slice(begin).split("?");
  const query = rest.join("?");
  const kept = query.split("&").filter((pair) => !isSecret(pair));
  const shown = query === "" ? place : [place, kept.join("&")].filter((each) => each !== "").join("?");
  // The last one: a password may have it too, and a slash, a # or a ? before it.
  return address.slice(0, begin) + shown.slice(shown.lastIndexOf("@") + 1);
}

/** What has no name is no option: it may be the rest of a password with a ? in it, and what ends that is still needed. */
function isSecret(pair: string): boolean {
  const [name = "", value] = pair.split("=", 2);
  return value !== undefined && secretName.test(decoded(name));
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
