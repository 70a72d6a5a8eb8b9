/**
 * An address without what is secret in it. Passwords are often put in as they are, with characters that end a URL's first
 * part, and drivers take them behind the `?` too; so this reads loosely, and leaves out too much rather than too little.
 */
const secretName = /pass|pwd|secret|token|key|sig|cred/i;

/** Whoever reads the settings needs where a store lies, and nothing of who logs in there. */
export function withoutPassword(text: string): string {
  if (text.includes("://")) return addressesIn(text).map(withoutLogin).join(",");
  // A path, in which anything is part of a name.
  if (/^(sqlite|memory):/.test(text)) return text;
  return mistyped(text);
}

/** Whether anything in an address has to be kept secret: a user's name alone has not. */
export function holdsPassword(text: string): boolean {
  return text.includes("://") && addressesIn(text).some((address) => !isOpen(address));
}

function isOpen(address: string): boolean {
  const { place, pairs } = partsOf(address);
  const login = place.slice(0, Math.max(0, place.lastIndexOf("@")));
  return !/:./.test(login) && !pairs.some(isSecret);
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

type Parts = { readonly scheme: string; readonly place: string; readonly pairs: readonly string[] };

function partsOf(address: string): Parts {
  const begin = address.indexOf("://") + "://".length;
  const [place = "", ...rest] = address.slice(begin).split("?");
  const query = rest.join("?");
  return { scheme: address.slice(0, begin), place, pairs: query === "" ? [] : query.split("&") };
}

function withoutLogin(address: string): string {
  const { scheme, place, pairs } = partsOf(address);
  // What has no name is no option. It may be the rest of a password with a ? in it, and what ends that is needed below; or
  // the rest of one behind the ? that has an & in it.
  const isLeftOut = pairs.some(isSecret) ? (pair: string) => isSecret(pair) || !pair.includes("=") : isSecret;
  const kept = pairs.filter((pair) => !isLeftOut(pair));
  const shown = [place, kept.join("&")].filter((each) => each !== "").join("?");
  // The last one: a password may have it too, and a slash, a # or a ? before it.
  const login = shown.lastIndexOf("@") + 1;
  // Where the only one went with what is secret, all that is left may be the beginning of a password.
  if (login === 0 && pairs.some((pair) => isLeftOut(pair) && pair.includes("@"))) return scheme;
  return scheme + shown.slice(login);
}

/** What is no address, and may have been meant as one: without its slashes, or as drivers take it in words. */
function mistyped(text: string): string {
  const at = text.lastIndexOf("@");
  if (at > 0 && text.slice(0, at).includes(":")) return text.slice(at + 1);
  const words = text.split(" ");
  const secret = words.findIndex(isSecret);
  // A password may have spaces, so nothing of what follows it is shown.
  return secret === -1 ? text : words.slice(0, secret).join(" ");
}

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
