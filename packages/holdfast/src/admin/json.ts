/** Records as JSON that people and programs read: what `holdfast records` answers and `holdfast export` writes. */
import { endOf } from "../record/expiry.ts";
import type { Owner, RecordSummary, StoredEvent } from "../record/record.ts";
import type { AccountDump, RecordDump } from "../store/contract.ts";

type Json = Readonly<Record<string, unknown>>;

/** Without document and events. Times are ISO 8601. */
export function summaryAsJson(owner: Owner, record: RecordSummary): Json {
  const { idleMs, absoluteMs, retainMs } = record.lifetime;
  return {
    owner,
    kind: record.kind,
    id: record.id,
    version: record.version,
    incarnation: record.incarnation,
    created_at: time(record.createdAt),
    updated_at: time(record.updatedAt),
    touched_at: time(record.touchedAt),
    expires_at: time(record.expiresAt),
    ended_at: time(endOf(record)),
    lifetime: { idle_ms: idleMs ?? null, absolute_ms: absoluteMs ?? null, retain_ms: retainMs ?? null },
    document_bytes: record.documentBytes,
    document_position: record.documentPosition,
    fields: record.fields,
    // `fromEntries` defines properties, so that a counter called "__proto__" is one like any other.
    counters: Object.fromEntries(record.counters),
    streams: Object.fromEntries(record.streams),
  };
}

/**
 * With everything, the connection's secret aside. What is JSON in a document or an event is shown as such.
 *
 * @example
 * const dump = await store.admin.export(owner, { kind: "basket", id });
 * if (dump !== undefined) console.log(JSON.stringify(dumpAsJson(owner, dump)));
 */
export function dumpAsJson(owner: Owner, { record, events }: RecordDump): Json {
  const streams = Object.entries(events).map(([name, list]) => [name, list.map(eventAsJson)] as const);
  return {
    ...summaryAsJson(owner, record),
    document: documentOf(record.kind, record.document),
    events: Object.fromEntries(streams),
  };
}

/** What an owner has besides records: outcomes of commit ids hold versions, positions and counters, and no documents. */
export function accountAsJson({ floor, importFloor, commits }: AccountDump): Json {
  return {
    floor,
    import_floor: importFloor,
    commits: commits.map(({ id, at, results }) => ({
      id,
      at: time(at),
      results: results.map(({ version, created, counters, heads }) => ({
        version,
        created,
        counters: Object.fromEntries(counters),
        heads: Object.fromEntries(heads),
      })),
    })),
  };
}

/** An event as it was stored, its payload as JSON and not as text. */
export function eventAsJson({ position, at, data }: StoredEvent): Json {
  return { position, at: time(at), data: parsed(data) };
}

/** Documents of the engine may hold the hash of a secret, which is nobody's to read. */
function documentOf(kind: string, document: string): unknown {
  const value = parsed(document);
  if (!kind.startsWith("holdfast.") || typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).filter(([name]) => name !== "secretHash"));
}

function parsed(text: string): unknown {
  if (text === "") return null;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function time(at: number | undefined): string | null {
  return at === undefined ? null : new Date(at).toISOString();
}
