/**
 * The registry: every owner stands in one of 256 buckets, so that sweeps and scans find everybody on every node of a
 * cluster. A bucket is two keys of one hash tag: `P{bNN}:o` all its owners in alphabetical order, and `P{bNN}:d` the
 * same owners by when a sweep has to look at them next.
 */

/** KEYS: a bucket's two. ARGV: owner, by when to look at it. Later than what is known changes nothing. */
export const register = `
local owner, due = ARGV[1], tonumber(ARGV[2])
redis.call('ZADD', KEYS[1], 0, owner)
local known = redis.call('ZSCORE', KEYS[2], owner)
if not known or due < tonumber(known) then redis.call('ZADD', KEYS[2], due, owner) end
return 1
`;

/**
 * KEYS: a bucket's two. ARGV: now, most owners, until when nobody else shall look at them. Answers those that are due,
 * each of them to one sweep only.
 */
export const claim = `
local due = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', ARGV[1], 'LIMIT', 0, ARGV[2])
for _, owner in ipairs(due) do redis.call('ZADD', KEYS[2], ARGV[3], owner) end
return due
`;

/** KEYS: a bucket's two. ARGV: the owner after whom to go on or "", how many. Alphabetical. */
export const owners = `
return redis.call('ZRANGEBYLEX', KEYS[1], ARGV[1] == '' and '-' or '(' .. ARGV[1], '+', 'LIMIT', 0, ARGV[2])
`;
