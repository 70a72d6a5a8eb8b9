/** What lies in the frozen keys, and how keys are taken out of Redis as text and put back. */
import { ownerOf } from "../../record/ids.ts";
import type { Owner } from "../../record/record.ts";
import type { Store } from "../../store/contract.ts";
import type { Line } from "./dial.ts";

/** The moment the keys were made. */
export const frozenAt = 1_795_000_000_000;

const frozenOwner = (subject: string): Owner => ownerOf({ issuer: "frozen", subject });
export const frozenOwners = [frozenOwner("one"), frozenOwner("two"), frozenOwner("erased")] as const;

export const remembered = { id: "é once", digest: "intent", origin: "caller" } as const;
export const internal = { id: "shared", digest: "intent", origin: "internal" } as const;

const lifetime = { idleMs: 3_600_000, absoluteMs: 7_200_000, retainMs: 600_000 };
const key = (id: string, kind = "note"): { readonly kind: string; readonly id: string } => ({ kind, id });

/** Something of everything a store can hold. Never change this for a form that was released. */
export async function fill(store: Store): Promise<void> {
  const [one, two, erased] = frozenOwners;
  for (const owner of frozenOwners) {
    for (const [index, text] of ['{"a":[],"b":{}}', JSON.stringify("é\0🦆".repeat(20)), "null"].entries()) {
      const fields = { label: `n${index}`, é: index, yes: true, no: null };
      const counters = [
        { name: "__proto__", by: index },
        { name: "huge", by: Number.MAX_SAFE_INTEGER },
      ];
      const create = { text, lifetime, fields };
      await store.commit(owner, [{ ...key(`note_${index}`), expect: "absent", create, counters }]);
      // More than a ring of internal ids holds.
      for (let round = 0; round < 70; round += 1) {
        const commitId = { id: `${index}-${round}`, digest: "d", origin: "internal" } as const;
        const appends = [{ stream: "log", data: [`event ${round}`, "\0"], keep: 12 }];
        await store.commit(owner, [{ ...key(`note_${index}`), expect: "present", appends }], { commitId });
      }
    }
    await store.commit(owner, [{ ...key("note_0"), expect: 1, document: { text: "[ 1 ]", position: 2 } }]);
  }
  await store.commit(one, [{ ...key("note_1"), expect: "present", end: true }]);
  const create = { text: "{}", lifetime: {} };
  await store.commit(two, [{ ...key("gone"), expect: "absent", create }]);
  await store.commit(two, [{ ...key("gone"), expect: "present", document: { text: "2" } }]);
  await store.commit(two, [{ ...key("gone"), expect: "present", document: { text: "3" }, end: true }]);
  await store.admin.reap({ limit: 10 });
  const counters = [{ name: "n", by: 2 }];
  await store.commit(two, [{ ...key("note_2"), expect: "present", counters }], { commitId: remembered });
  const both = ["note_0", "note_1"].map((id) => ({ ...key(id), expect: "present" as const, counters }));
  await store.commit(two, both, { commitId: internal });
  await store.commit(two, [{ ...key("lock", "holdfast.lease"), expect: "absent", create }]);
  await store.admin.erase(erased);
}

/** Whatever is no plain character, and the mark itself, stands behind a `%` as two hexadecimal digits. */
const encoding = `
local function told(text)
  return (string.gsub(text, '[^\\32-\\36\\38-\\126]', function(c) return string.format('%%%02x', string.byte(c)) end))
end
local function meant(text)
  return (string.gsub(text, '%%(%x%x)', function(digits) return string.char(tonumber(digits, 16)) end))
end
`;

const freezing = `${encoding}
local isHash = redis.call('TYPE', KEYS[1]).ok == 'hash'
local flat = isHash and redis.call('HGETALL', KEYS[1]) or redis.call('ZRANGE', KEYS[1], 0, -1, 'WITHSCORES')
for i = 1, #flat do flat[i] = told(flat[i]) end
return { isHash and 'hash' or 'zset', flat }
`;

const thawing = `${encoding}
for i = 2, #ARGV, 2 do
  local name, value = meant(ARGV[i]), meant(ARGV[i + 1])
  if ARGV[1] == 'hash' then redis.call('HSET', KEYS[1], name, value) else redis.call('ZADD', KEYS[1], value, name) end
end
`;

/** Names and values, or members and scores, in order of their names. */
export type FrozenKey = { readonly type: string; readonly holds: Readonly<Record<string, string>> };
/** By name, less the prefix. */
export type Frozen = Readonly<Record<string, FrozenKey>>;

/** Everything that lies under a prefix. */
export async function freeze(line: Line, prefix: string): Promise<Frozen> {
  const names: string[] = [];
  for (let cursor = "", at = 0; cursor !== "0"; at += 1) {
    const answer = await line.send(["SCAN", at === 0 ? "0" : cursor, "MATCH", `${prefix}*`, "COUNT", "1000"]);
    const [next, found] = answer as readonly [string, readonly string[]];
    names.push(...found);
    cursor = next;
  }
  const frozen: Record<string, FrozenKey> = {};
  for (const name of [...new Set(names)].sort()) {
    const [type, flat] = (await line.send(["EVAL", freezing, "1", name])) as readonly [string, readonly string[]];
    const pairs = flat.flatMap((text, index) => (index % 2 === 0 ? [[text, flat[index + 1] ?? ""] as const] : []));
    frozen[name.slice(prefix.length)] = { type, holds: Object.fromEntries(pairs.sort(([a], [b]) => (a < b ? -1 : 1))) };
  }
  return frozen;
}

export async function thaw(line: Line, prefix: string, frozen: Frozen): Promise<void> {
  for (const [name, { type, holds }] of Object.entries(frozen)) {
    await line.send(["EVAL", thawing, "1", `${prefix}${name}`, type, ...Object.entries(holds).flat()]);
  }
}
