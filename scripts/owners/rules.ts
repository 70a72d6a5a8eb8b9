/**
 * What binds a statement, a script or a key of a store to an owner, as data. Numbers of rows (`id`, `record`) count as bonds:
 * they are handed out by statements that name the owner, and by nothing else.
 */

export type Dialect = {
  /** Folder of the store. */
  readonly path: string;
  /** Tables with something of owners in them, and what ties a statement on each to one of them. */
  readonly tables: Readonly<Record<string, readonly RegExp[]>>;
};

const stores = "packages/holdfast/src/stores/";

export const dialects: readonly Dialect[] = [
  {
    path: `${stores}sqlite/`,
    tables: {
      owners: [/\bowner = \?/, /\bwhere id = \?/, /\binto owners \(owner,/],
      records: [/\bowner = \?/, /\bwhere id = \?/, /\binto records \(owner,/],
      documents: [
        /\brecord = \?/,
        /\binto documents \(record,/,
        /\brecord in \(select id from records where owner = \?\)/,
      ],
      events: [/\brecord = \?/, /\binto events \(record,/, /\brecord in \(select id from records where owner = \?\)/],
      commits: [/\bowner = \?/, /\binto commits \(owner,/],
    },
  },
  {
    path: `${stores}postgres/`,
    tables: {
      "holdfast.owners": [/\bowner = /, /\binto holdfast\.owners \(owner/],
      "holdfast.growth": [/\bowner = /, /\binto holdfast\.growth (?:select _owner|values \((?:new|old)\.owner)\b/],
      "holdfast.records": [/\bowner = /, /\br\.record = /, /\brecord = /, /\binto holdfast\.records\b/],
      "holdfast.documents": [/\brecord = /, /\binto holdfast\.documents\b/],
      "holdfast.events": [/\brecord = /, /\binto holdfast\.events\b/],
      "holdfast.counters": [/\brecord = /, /\binto holdfast\.counters\b/],
      "holdfast.commits": [/\bowner = /, /\binto holdfast\.commits\b/],
    },
  },
];

/** Statements that look at all owners, by a part of their text that is theirs alone, each with who may do that. */
export const doors: ReadonlyMap<string, string> = new Map([
  ["select owner from holdfast.owners where owner > $1", "the admin door lists all owners"],
  ["select count(*) as records, count(distinct owner) as owners", "the admin door counts what there is"],
  ["from holdfast.records group by owner", "a step of the schema counts what was there before it, once"],
  ["(select owner from holdfast.growth limit 10000)", "a sweep adds up what owners grew by, for each of them"],
  ["_due := array(select record from holdfast.records", "a sweep looks for what is due, whoever has it"],
  ["_closing := array(select record from holdfast.records", "a sweep looks for what it has to close, whoever has it"],
  ["_owners := array(select o.owner from holdfast.owners", "a sweep locks the owners of what is due"],
  ["exists (select from holdfast.commits where forget_at <= _now)", "a sweep asks whether another would find more"],
  ["r.meta, null as tail, '' as document, o.owner as owner_text from records r join owners", "the admin door scans"],
  ["select id, owner from owners where id > ?", "the admin door lists all owners"],
  ["select coalesce(sum(stored), 0) as records", "the admin door counts what there is"],
  ["from records r join owners o on o.id = r.owner where r.purge_at <= ?", "a sweep looks for what is due"],
  ["from records r join owners o on o.id = r.owner where r.expires_at <= ?", "a sweep looks for what it has to close"],
  ["from commits c join owners o on o.id = c.owner where c.forget_at <= ?", "a sweep looks for ids whose time is over"],
]);

/** Parts that may stand in the text of a statement, by file, each with the reason why no caller can choose them. */
export const parts: ReadonlyMap<string, string> = new Map([
  [`${stores}postgres/queries.ts comparison`, "one of two signs, by type"],
  [`${stores}postgres/queries.ts direction`, "one of two words, by type"],
  [`${stores}postgres/queries.ts compared`, "nothing, or the constant `having`"],
  [`${stores}postgres/migrations/commit-plain.ts sum`, "spells out a window of constants"],
  [`${stores}postgres/migrations/commit-plain.ts ofRecord`, "spells out a window of constants"],
  [`${stores}postgres/migrations/commit-plain.ts joined`, "spells out a join of constants"],
  [`${stores}postgres/migrations/commit-plain.ts commitIdWindowMs.internal`, "a number that is a constant"],
]);

/** Folders of scripts that run inside Redis, and what their first key may be called. */
export const scripts: readonly { readonly path: string; readonly keys: RegExp }[] = [
  // The names that `shared` gives to the four keys of one owner, and the two of a bucket of the registry.
  { path: `${stores}redis/scripts/`, keys: /^(?:H|L|X|D|KEYS\[[1-4]\])$/ },
  { path: `${stores}tiered/scripts.ts`, keys: /^(?:KEYS\[[12]\]|key)$/ },
];

/** Where names of keys are made. `{…}` is the hash tag: it is an owner, or what the reason says. */
export const keyMakers: ReadonlyMap<string, string> = new Map([
  ["⟨this.#prefix⟩{⟨owner⟩}", "the keys of one owner"],
  ["⟨this.#options.prefix⟩{⟨owner⟩}", "what the cache of the tiered store has of one owner"],
  [
    '⟨this.#prefix⟩{b⟨bucket.toString(16).padStart(2, "0")⟩}',
    "a bucket of the registry: names of owners, and when to look",
  ],
  ["⟨this.#prefix⟩{holdfast}", "settings of the store"],
  ["⟨this.#prefix⟩{h⟨index.toString(16)⟩}", "channels of hints: nothing is kept under them"],
]);

/** Who may ask for keys that belong to no owner. */
export const unownedKeys: ReadonlyMap<string, string> = new Map([
  [`${stores}redis/owners.ts`, "sweeps and scans find every owner by the registry"],
  [`${stores}redis/sweep.ts`, "the server's clock is asked for at a key that is there"],
]);
