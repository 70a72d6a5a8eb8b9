import type { IndexedFields } from "../../record/record.ts";
import type { ListPage } from "../../store/contract.ts";
import { type BrokenStore, wrapping } from "./broken-store.test-kit.ts";

/** A store that takes another comparison than its own for the records of a page. */
function comparing(
  fault: string,
  caughtBy: readonly string[],
  matches: (fields: IndexedFields, where: IndexedFields) => boolean,
): BrokenStore {
  return wrapping(fault, caughtBy, (sound) => ({
    list: async (owner, kind, { where, ...rest }): Promise<ListPage> => {
      // What the sound store refuses is refused.
      if (where !== undefined) await sound.list(owner, kind, { ...rest, where });
      const page = await sound.list(owner, kind, rest);
      return where === undefined
        ? page
        : { ...page, records: page.records.filter(({ fields }) => matches(fields, where)) };
    },
  }));
}

const has = Object.hasOwn;

/** Faults in finding records by their fields. */
export const brokenFinds: readonly BrokenStore[] = [
  wrapping("a listing takes no notice of the fields it is confined to", ["N1", "N4", "N5", "N6"], (sound) => ({
    list: (owner, kind, { where: _where, ...rest }) => sound.list(owner, kind, rest),
  })),
  comparing("one field of those asked for is enough", ["N1"], (fields, where) => {
    const names = Object.keys(where);
    return names.length === 0 || names.some((name) => has(fields, name) && fields[name] === where[name]);
  }),
  comparing("an absent field is null", ["N2"], (fields, where) =>
    Object.entries(where).every(([name, value]) => (has(fields, name) ? fields[name] : null) === value),
  ),
  comparing("values are compared as text", ["N2"], (fields, where) =>
    Object.entries(where).every(([name, value]) => has(fields, name) && String(fields[name]) === String(value)),
  ),
  comparing("minus zero is another number than zero", ["N2"], (fields, where) =>
    Object.entries(where).every(([name, value]) => has(fields, name) && Object.is(fields[name], value)),
  ),
  comparing("text is compared without what a database cannot keep", ["N3"], (fields, where) => {
    const kept = (value: unknown): unknown =>
      typeof value === "string" ? value.replaceAll("\0", "\u00010000") : value;
    return Object.entries(where).every(([name, value]) => has(fields, name) && kept(fields[name]) === kept(value));
  }),
  wrapping("what fields a record was found by once, it is found by for ever", ["N4"], (sound) => {
    const had = new Map<string, IndexedFields[]>();
    return {
      commit: (owner, changes, options) => {
        for (const { kind, id, create, document } of changes) {
          const all = [create?.fields, document?.fields].filter((fields) => fields !== undefined);
          had.set(`${owner}/${kind}/${id}`, [...(had.get(`${owner}/${kind}/${id}`) ?? []), ...all]);
        }
        return sound.commit(owner, changes, options);
      },
      list: async (owner, kind, { where, ...rest }): Promise<ListPage> => {
        const page = await sound.list(owner, kind, rest);
        if (where === undefined) return page;
        const ever = (id: string): readonly IndexedFields[] => had.get(`${owner}/${kind}/${id}`) ?? [];
        const matches = (fields: IndexedFields): boolean =>
          Object.entries(where).every(([name, value]) => has(fields, name) && fields[name] === value);
        return { ...page, records: page.records.filter(({ id }) => ever(id).some(matches)) };
      },
    };
  }),
  wrapping("a page on which nothing is found ends the listing", ["N5"], (sound) => ({
    list: async (owner, kind, { where, ...rest }): Promise<ListPage> => {
      const page = await sound.list(owner, kind, rest);
      if (where === undefined) return page;
      const { records } = await sound.list(owner, kind, { ...rest, limit: 1_000, where });
      const ids = new Set(records.map(({ id }) => id));
      const found = page.records.filter(({ id }) => ids.has(id));
      return { at: page.at, records: found, ...(found.length > 0 && { next: page.next }) };
    },
  })),
];
