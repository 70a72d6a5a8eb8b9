/**
 * The cache, one hash per record and one mark per owner, all of an owner under one hash tag:
 *
 *     P{owner}:KIND/ID   asOf, text   the record, and when, by Redis's clock, PostgreSQL had not yet been asked for it
 *                        floor        when it last changed: what was read before is not let in
 *                        version      the highest version heard of: what is below is not let in
 *     P{owner}           when the owner was erased
 *
 * Points in time are microseconds of the server's clock. Everything lapses by itself once it is of no use: an answer after
 * `maxStaleMs`, a floor after twice that, when no read that began before it can be let in any more.
 */
import { type Script, scriptOf } from "../redis/scripts.ts";

export type CacheScript = "look" | "fill" | "changed" | "erased";

const now = `
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local function text(number) return string.format('%.0f', number) end
`;

/** KEYS: record, owner. ARGV: the oldest that will do, in microseconds. Answers now, and what there is. */
const look = `
local entry = redis.call('HMGET', KEYS[1], 'asOf', 'text')
local erased = redis.call('GET', KEYS[2])
if entry[1] and entry[2] and now - tonumber(entry[1]) <= tonumber(ARGV[1])
  and not (erased and tonumber(entry[1]) <= tonumber(erased)) then
  return { text(now), entry[1], entry[2] }
end
return { text(now) }
`;

/** KEYS: record, owner. ARGV: as of, version, for how long in microseconds, text. Answers whether it was let in. */
const fill = `
local asOf, version, lasting = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local known = redis.call('HMGET', KEYS[1], 'floor', 'version', 'asOf')
local erased = redis.call('GET', KEYS[2])
if now - asOf > lasting then return 0 end
if known[1] and asOf <= tonumber(known[1]) then return 0 end
if erased and asOf <= tonumber(erased) then return 0 end
if known[2] and version < tonumber(known[2]) then return 0 end
if known[3] and asOf <= tonumber(known[3]) then return 0 end
redis.call('HSET', KEYS[1], 'asOf', ARGV[1], 'version', ARGV[2], 'text', ARGV[4])
redis.call('PEXPIRE', KEYS[1], text(lasting / 500))
return 1
`;

/** KEYS: records of one owner. ARGV: for how long in microseconds, then the version each has now. */
const changed = `
for index, key in ipairs(KEYS) do
  local known = redis.call('HGET', key, 'version')
  local version = ARGV[index + 1]
  if known and tonumber(known) > tonumber(version) then version = known end
  redis.call('HDEL', key, 'asOf', 'text')
  redis.call('HSET', key, 'floor', text(now), 'version', version)
  redis.call('PEXPIRE', key, text(tonumber(ARGV[1]) / 500))
end
return 1
`;

/** KEYS: owner. ARGV: for how long in microseconds. */
const erased = `
redis.call('SET', KEYS[1], text(now), 'PX', text(tonumber(ARGV[1]) / 500))
return 1
`;

/** What makes an answer disappear is never refused for want of memory. */
const flags = { look: "no-writes", fill: undefined, changed: "allow-oom", erased: "allow-oom" } as const;

export function cacheScripts(): Readonly<Record<CacheScript, Script>> {
  const bodies = { look, fill, changed, erased };
  const script = (name: CacheScript): Script => {
    const flag = flags[name];
    return scriptOf([flag === undefined ? "#!lua" : `#!lua flags=${flag}`, now, bodies[name]]);
  };
  return { look: script("look"), fill: script("fill"), changed: script("changed"), erased: script("erased") };
}
