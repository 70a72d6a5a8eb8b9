import { HoldfastError } from "../../record/errors.ts";
import type { Owner, Version } from "../../record/record.ts";
import type { SessionDeps } from "./deps.ts";
import { readTransportDocument, type TransportDocument, transportKey } from "./transport-record.ts";

const attempts = 8;

/**
 * Changes a session's transport document, whoever else does so meanwhile. Undefined if the session is over; throws
 * `CONTENTION` if others were always first.
 */
export async function changeTransport(
  deps: SessionDeps,
  owner: Owner,
  sessionId: string,
  change: (standing: TransportDocument) => TransportDocument,
): Promise<{ readonly document: TransportDocument; readonly version: Version } | undefined> {
  const key = transportKey(sessionId);
  for (let attempt = 0; attempt < attempts; attempt += 1) {
    const { record } = await deps.store.read(owner, key, { signal: AbortSignal.timeout(deps.options.deadlineMs) });
    if (record === undefined) return undefined;
    const standing = readTransportDocument(record.document);
    const document = change(standing);
    const text = JSON.stringify(document);
    if (text === record.document) return { document, version: record.version };
    const committed = await deps.store.commit(owner, [{ ...key, expect: record.version, document: { text } }]);
    if (committed.ok) return { document, version: committed.results[0]?.version ?? record.version + 1 };
  }
  throw new HoldfastError("CONTENTION", `a session changed ${attempts} times while one change was tried; try again`);
}
