/** What the model and a real store answer to one operation, in a form that can be compared. */
import type { Owner, RecordKey } from "../../record/record.ts";
import type { Store } from "../../store/contract.ts";
import {
  commitToModel,
  findRecord,
  isModelLive,
  type ModelOwner,
  type ModelRecord,
  usageOf,
} from "./model.test-kit.ts";
import { type Operation, type Plain, plain } from "./operation.test-kit.ts";

/** Most records a model test ever holds. */
const everything = 1_000;

/**
 * Answers from the model, and changes it.
 * @param swept what a sweep removed and closed that may have passed over some: the model then does no more than that.
 */
export function answerOfModel(owner: ModelOwner, operation: Operation, now: number, swept?: Plain): Plain {
  switch (operation.what) {
    case "commit":
      return comparable(commitToModel(owner, operation.changes, operation.options, now));
    case "read": {
      const record = findRecord(owner, operation.key);
      const { commitId } = operation;
      const known = commitId === undefined ? undefined : owner.outcomes.get(commitId);
      const outcome =
        known && now < known.forgetAt ? { digest: known.digest, at: known.at, results: known.results } : undefined;
      if (!isModelLive(record, now)) return plain({ at: now, outcome, tails: operation.tails.map(() => []) });
      const tails = operation.tails.map(({ stream, after, limit }) => {
        const events = record.streams.get(stream)?.events ?? [];
        if (typeof after === "object") return events.slice(Math.max(0, events.length - Math.min(after.last, limit)));
        const from = after === "document" ? record.documentPosition : after;
        return events.filter(({ position }) => position > from).slice(0, limit);
      });
      return plain({ at: now, record: wholeRecord(record), outcome, tails });
    }
    case "events": {
      const record = findRecord(owner, operation.key);
      if (!isModelLive(record, now)) return undefined;
      const { head, first, events } = record.streams.get(operation.stream) ?? { head: 0, first: 1, events: [] };
      const { after = 0, before = Number.POSITIVE_INFINITY, limit, order } = operation.options;
      const inRange = events.filter(({ position }) => position > after && position < before);
      const ordered = order === "newest" ? inRange.toReversed() : inRange;
      const { incarnation } = record;
      return plain({ head, first, incarnation, events: ordered.slice(0, limit), more: ordered.length > limit });
    }
    case "list": {
      const wanted = Object.entries(operation.where ?? {});
      const live = owner.records.filter((record) => {
        if (record.kind !== operation.kind || !isModelLive(record, now)) return false;
        const fields = new Map<string, unknown>(Object.entries(record.fields));
        return wanted.every(([name, value]) => fields.has(name) && fields.get(name) === value);
      });
      live.sort((one, other) => (one.place - other.place) * (operation.order === "oldest" ? 1 : -1));
      return plain(live.map(summary));
    }
    case "usage": {
      const { records, bytes, byKind } = usageOf(owner, now);
      return plain({ records, bytes, byKind });
    }
    case "inspect": {
      const record = findRecord(owner, operation.key);
      return plain(record && wholeRecord(record));
    }
    case "reap": {
      const over = owner.records.filter(({ kind, id, endedAt, expiresAt }) => {
        if ((endedAt ?? expiresAt ?? Number.POSITIVE_INFINITY) > now) return false;
        return !Array.isArray(swept) || swept.some((each: RecordKey) => each.kind === kind && each.id === id);
      });
      const isRetained = ({ endedAt, expiresAt, lifetime }: ModelRecord): boolean =>
        (endedAt ?? expiresAt ?? 0) + (lifetime.retainMs ?? 0) > now;
      const closing = over.filter((record) => isRetained(record) && record.endedAt === undefined);
      const told = removed(
        owner,
        over.filter((record) => !isRetained(record)),
      );
      const closed = closing.map((record) => ({ ...factsOf(record), cause: "closing" as const }));
      for (const record of closing) record.endedAt = record.expiresAt;
      return sorted([...told, ...closed]);
    }
    case "erase":
      removed(owner, owner.records);
      owner.outcomes.clear();
      return undefined;
  }
}

/** Answers from a store. */
export async function answerOfStore(store: Store, owner: Owner, operation: Operation): Promise<Plain> {
  switch (operation.what) {
    case "commit":
      return comparable(await store.commit(owner, operation.changes, operation.options));
    case "read":
      return plain(await store.read(owner, operation.key, { tails: operation.tails, commitId: operation.commitId }));
    case "events":
      return plain(await store.events(owner, operation.key, operation.stream, operation.options));
    case "list": {
      const records = [];
      let after: string | undefined;
      do {
        const { order, limit, where } = operation;
        const page = await store.list(owner, operation.kind, { order, limit, where, after });
        records.push(...page.records);
        after = page.next;
      } while (after !== undefined && records.length < everything);
      return plain(records);
    }
    case "usage": {
      const { records, bytes, byKind } = await store.usage(owner);
      const counted = Object.entries(byKind).filter(([kind, count]) => count > 0 && !kind.startsWith("holdfast."));
      return plain({ records, bytes, byKind: new Map(counted) });
    }
    case "inspect":
      return plain(await store.admin.inspect(owner, operation.key));
    case "reap": {
      const { removed: gone, closed } = await store.admin.reap({ limit: everything });
      const closing = closed.map((each) => ({ ...each, cause: "closing" as const, closed: false }));
      return sorted([...gone, ...closing].filter((each) => each.owner === owner));
    }
    case "erase":
      // How many went depends on whether tombstones count, which the contract leaves open.
      await store.admin.erase(owner);
      return undefined;
  }
}

/** Of a broken quota only that it is one: where several break, stores may name any. */
function comparable(committed: {
  readonly ok: boolean;
  readonly at: number;
  readonly refusal?: { readonly reason: string };
}): Plain {
  const { refusal } = committed;
  return plain(refusal?.reason === "quota" ? { ...committed, refusal: { reason: "quota" } } : committed);
}

function summary(record: ModelRecord): object {
  const { place: _place, document, streams, ...rest } = record;
  const heads = new Map([...streams].map(([name, { head, first }]) => [name, { head, first }]));
  return { ...rest, streams: heads, documentBytes: new TextEncoder().encode(document).length };
}

function wholeRecord(record: ModelRecord): object {
  return { ...summary(record), document: record.document };
}

/** What a sweep says of one record; that it closed it now is a cause of its own here. */
type Swept = {
  readonly kind: string;
  readonly id: string;
  readonly cause: "expired" | "ended" | "closing";
  readonly closed: boolean;
  readonly fields: object;
  readonly livedMs: number;
};

function removed(owner: ModelOwner, gone: readonly ModelRecord[]): readonly Swept[] {
  owner.floor = Math.max(owner.floor, ...gone.map(({ version }) => version));
  owner.records = owner.records.filter((record) => !gone.includes(record));
  return gone.map(factsOf);
}

function factsOf({ kind, id, createdAt, endedAt, expiresAt, fields }: ModelRecord): Swept {
  // Whoever ends a record does that before it expires; a sweep closes it with its expiry.
  const wasEnded = endedAt !== undefined && endedAt < (expiresAt ?? Number.POSITIVE_INFINITY);
  const livedMs = Math.max(0, (endedAt ?? expiresAt ?? createdAt) - createdAt);
  const closed = endedAt !== undefined && !wasEnded;
  return { kind, id, cause: wasEnded ? "ended" : "expired", closed, fields, livedMs };
}

function sorted(swept: readonly Swept[]): Plain {
  const facts = swept.map(({ kind, id, cause, closed, fields, livedMs }) => {
    return { kind, id, cause, closed, fields, livedMs };
  });
  return plain(facts.sort((one, other) => (`${one.kind}/${one.id}` < `${other.kind}/${other.id}` ? -1 : 1)));
}
