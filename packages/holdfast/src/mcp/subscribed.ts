/** How many resources somebody may want to hear of: whatever says so is kept as long as its session, or its stream. */
import { ProtocolError, ProtocolErrorCode } from "@modelcontextprotocol/server";

const maxSubscriptions = 256;
const maxUriLength = 2_048;
const maxLength = 32_768;

/** What is wrong with so many resources, in words; undefined if nothing is. */
export function tooManyResources(uris: readonly string[]): string | undefined {
  let length = 0;
  for (const uri of uris.slice(0, maxSubscriptions + 1)) length += uri.length > maxUriLength ? Infinity : uri.length;
  if (uris.length <= maxSubscriptions && length <= maxLength) return undefined;
  return `a session or stream subscribes to at most ${maxSubscriptions} resources, whose addresses have ${maxLength} characters together and ${maxUriLength} each`;
}

/** The resources of a connection that lives in this process. */
export class Subscribed {
  readonly #uris = new Set<string>();

  get uris(): ReadonlySet<string> {
    return this.#uris;
  }

  /** Throws what the SDK answers as invalid parameters, where there would be too many. */
  change(uri: string, on: boolean): void {
    if (!on) return void this.#uris.delete(uri);
    const refused = this.#uris.has(uri) ? undefined : tooManyResources([...this.#uris, uri]);
    if (refused !== undefined) throw new ProtocolError(ProtocolErrorCode.InvalidParams, refused);
    this.#uris.add(uri);
  }
}
