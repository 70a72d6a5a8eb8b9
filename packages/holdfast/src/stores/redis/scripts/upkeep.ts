/** What operators and sweeps do to one owner. Works while the server is full: most of it makes room. */

/**
 * KEYS: the owner's four. ARGV: clock, most records to remove and close. Removes what is past its end and retention, closes
 * what expired and is retained, and forgets what is past its time. Answers what went, why (0 it expired, 1 it was ended, 2
 * it had been closed) and how long it had lived, what was closed, and by when the next sweep has to come ("" for never).
 */
export const reap = `
local now, limit = timeOf(ARGV[1]), tonumber(ARGV[2])
local packed = call('HGET', H, 'a')
if not packed then return { {}, {}, '', 0 } end
local account = unpackm(packed)
local counts = call('HGET', H, 'k')
local kinds = counts and unpackm(counts) or {}
local gone, closed, passed, countsChanged = {}, {}, 0, false

local function uncount(key)
  if call('ZREM', X, key) == 0 then return end
  local kind = kindOf(key)
  kinds[kind] = (kinds[kind] or 0) - 1
  if kinds[kind] <= 0 then kinds[kind] = nil end
  countsChanged = true
end
local function lived(m) return wide(max(0, (m[ENDED] or m[EXPIRES] or m[CREATED]) - m[CREATED])) end

local function remove(key, m)
  local dels = { 'm/' .. key, 'd/' .. key }
  account[EVENTS] = account[EVENTS] - contentFields(m[NO], m[COUNTERS], m[STREAMS], dels)
  account[BYTES] = account[BYTES] - m[DOCUMENT_BYTES] - m[EVENT_BYTES]
  account[RECORDS] = account[RECORDS] - 1
  account[FLOOR] = max(account[FLOOR], m[VERSION])
  account[IMPORT_FLOOR] = max(account[IMPORT_FLOOR], m[VERSION])
  uncount(key)
  unlist(key, m[PLACE], m[INDEXED])
  hdel(dels)
  -- Who ends a record does so before it expires.
  local wasClosed = m[ENDED] and m[EXPIRES] and m[ENDED] >= m[EXPIRES]
  insert(gone, { key, wasClosed and 2 or m[ENDED] and 1 or 0, m[FIELDS], lived(m) })
end

local function close(key, m)
  m[ENDED] = m[EXPIRES]
  call('HSET', H, 'm/' .. key, pack(m))
  uncount(key)
  insert(closed, { key, m[FIELDS], lived(m) })
end

local function forgetRing(no)
  local fields = {}
  for slot = 0, RING_SIZE - 1 do fields[slot + 1] = 'r/' .. no .. '/' .. slot end
  for _, slot in ipairs(call('HMGET', H, unpack(fields))) do
    if slot then release(slot) end
  end
  hdel(fields)
end

while passed < 1000 do
  local member = call('ZRANGEBYSCORE', D, '-inf', now, 'LIMIT', 0, 1)[1]
  if not member then break end
  local what, rest = sub(member, 1, 2), sub(member, 3)
  local again = false
  if what == 'p/' or what == 'x/' then
    if #gone + #closed == limit then break end
    local m = metaOf(rest)
    local at = m and closeOf(m)
    if what == 'p/' then
      if m then remove(rest, m) end
    elseif at and at > now then
      -- Its expiry was put off by a release that does not close.
      again, passed = at, passed + 1
    elseif at and purgeOf(m) > now then
      close(rest, m)
    end
  else
    passed = passed + 1
    if what == 'i/' then forgetCaller(rest, now, account) else forgetRing(rest) end
  end
  if again then call('ZADD', D, again, member) else call('ZREM', D, member) end
end

local next = call('ZRANGE', D, 0, 0, 'WITHSCORES')[2]
account[DUE] = (next == 'inf' or not next) and NEVER or tonumber(next)
writeFields()
call('HSET', H, 'a', pack(account))
if countsChanged then call('HSET', H, 'k', pack(kinds)) end
return { gone, closed, whole(account[DUE]), account[DUE] <= now and 1 or 0 }
`;

/** KEYS: the owner's four. Leaves the owner's floor and nothing else. Answers how many records went. */
export const erase = `
local packed = call('HGET', H, 'a')
if not packed then return 0 end
local account = unpackm(packed)
local count = account[RECORDS]
account[FLOOR] = max(account[FLOOR], account[TOP])
-- Who was erased may be restored: its dumps are measured against what is reaped from now on.
account[IMPORT_FLOOR], account[BYTES], account[RECORDS], account[EVENTS] = 0, 0, 0, 0
account[CALLER_IDS], account[DUE] = 0, NEVER
call('UNLINK', H, L, X, D)
call('HSET', H, 'a', pack(account), 'k', pack({}))
layKeys()
return count
`;

/**
 * KEYS: the owner's four. ARGV: clock, whether the owner is registered, key, document, fields, digests of
 * those, facts ("" for none), counters as names and values, streams as name, head, first and their events as time and data.
 * Answers 1, or what keeps the dump out: a version that stands, or the floor.
 */
export const importing = `
local cursor = 2
local function take()
  cursor = cursor + 1
  return ARGV[cursor]
end
local function number() return tonumber(take()) end
local now, isRegistered = timeOf(ARGV[1]), ARGV[2] == '1'
local key, document, fields, indexed = take(), take(), take(), take()
local packed = call('HGET', H, 'a')
local account = packed and unpackm(packed) or newAccount()
local counts = call('HGET', H, 'k')
local kinds = counts and unpackm(counts) or {}
local standing = metaOf(key)

local m = { standing and standing[NO] or whole(account[NUMBERS] + 1) }
for i = VERSION, POSITION do m[i] = number() or false end
m[DOCUMENT_BYTES], m[EVENT_BYTES], m[COUNTERS], m[STREAMS], m[FIELDS], m[INDEXED] =
  #document, 0, {}, {}, fields, indexed
m[RING], m[RING_DUE] = standing and standing[RING] or 0, standing and standing[RING_DUE] or 0
if standing and standing[VERSION] > m[VERSION] then return { 'standing', wide(standing[VERSION]) } end
if not standing and m[INCARNATION] <= account[IMPORT_FLOOR] then return { 'floor', wide(account[IMPORT_FLOOR]) } end
if not packed and not isRegistered then return { 'register' } end

local isSame = standing and standing[INCARNATION] == m[INCARNATION]
if not isSame then account[PLACES] = account[PLACES] + 1 end
m[PLACE] = isSame and standing[PLACE] or account[PLACES]

local sets, dels, counted, bytes = {}, {}, 0, 0
if standing then
  account[EVENTS] = account[EVENTS] - contentFields(m[NO], standing[COUNTERS], standing[STREAMS], dels)
  bytes = standing[DOCUMENT_BYTES] + standing[EVENT_BYTES]
  if not standing[ENDED] then counted = standing[EXPIRES] and call('ZREM', X, key) or 1 end
  unlist(key, standing[PLACE], standing[INDEXED])
  call('ZREM', D, 'p/' .. key, 'x/' .. key)
else
  account[NUMBERS], account[RECORDS] = account[NUMBERS] + 1, account[RECORDS] + 1
end
for i = 1, number() do
  m[COUNTERS][i] = take()
  insert(sets, 'c/' .. m[NO] .. '/' .. m[COUNTERS][i])
  insert(sets, whole(number()))
end
for stream = 1, number() do
  local name, head, first = take(), number(), number()
  for _, value in ipairs({ name, head, first }) do insert(m[STREAMS], value) end
  for position = first, head do
    local at, data = number(), take()
    insert(sets, eventField(m[NO], stream, position))
    insert(sets, fmt('%017.0f', at) .. data)
    m[EVENT_BYTES] = m[EVENT_BYTES] + #data
    account[EVENTS] = account[EVENTS] + 1
  end
end
account[BYTES] = account[BYTES] + m[DOCUMENT_BYTES] + m[EVENT_BYTES] - bytes
account[TOP] = max(account[TOP], m[VERSION])

local kind, counts = kindOf(key), isLive(m, now)
kinds[kind] = (kinds[kind] or 0) + (counts and 1 or 0) - counted
if kinds[kind] <= 0 then kinds[kind] = nil end
layKeys()
enlist(key, m[PLACE], m[INDEXED])
if counts and m[EXPIRES] then call('ZADD', X, m[EXPIRES], key) end
local lowered = false
local function lookAt(at, member)
  call('ZADD', D, at, member)
  if at < account[DUE] then account[DUE], lowered = at, true end
end
if purgeOf(m) then lookAt(purgeOf(m), 'p/' .. key) end
if closeOf(m) then lookAt(closeOf(m), 'x/' .. key) end
for _, value in ipairs({ 'm/' .. key, pack(m), 'd/' .. key, document, 'a', pack(account), 'k', pack(kinds) }) do
  insert(sets, value)
end
hdel(dels)
hset(sets)
return { 'ok', lowered and wide(account[DUE]) }
`;

/**
 * KEYS: the owner's four. ARGV: clock, when and what the page before ended with, most ids. Answers floors and callers'
 * ids by when they are forgotten, each with its outcome, and where the rest goes on.
 */
export const exportingAccount = `
local now, time, last, limit = timeOf(ARGV[1]), ARGV[2], ARGV[3], tonumber(ARGV[4])
local packed = call('HGET', H, 'a')
if not packed then return false end
local account, commits, offset = unpackm(packed), {}, 0
while true do
  local due = call('ZRANGEBYSCORE', D, time, '+inf', 'WITHSCORES', 'LIMIT', offset, 500)
  for i = 1, #due, 2 do
    local member, score = due[i], due[i + 1]
    local isPast = tonumber(score) == tonumber(time) and member <= last
    if sub(member, 1, 2) == 'i/' and not isPast then
      local value = call('HGET', H, 'i/' .. sub(member, 3))
      local known = value and outcomeOf(value)
      if known and known.caller and now < known.forget then
        if #commits == limit then return { wide(account[FLOOR]), wide(account[IMPORT_FLOOR]), commits, 1 } end
        insert(commits, { sub(member, 3), known.digest, known.at, known.results, score })
      end
    end
  end
  if #due < 1000 then return { wide(account[FLOOR]), wide(account[IMPORT_FLOOR]), commits, 0 } end
  offset = offset + 500
end
`;

/**
 * KEYS: the owner's four. ARGV: clock, whether the owner is registered, floor, floor of imports, and per commit: id,
 * digest, time, results as JSON.
 */
export const importingAccount = `
local now, isRegistered = timeOf(ARGV[1]), ARGV[2] == '1'
local packed = call('HGET', H, 'a')
if not packed and not isRegistered then return { 'register' } end
local account, lowered = packed and unpackm(packed) or newAccount(), false
account[FLOOR] = max(account[FLOOR], tonumber(ARGV[3]))
account[IMPORT_FLOOR] = max(account[IMPORT_FLOOR], tonumber(ARGV[4]))
layKeys()
for i = 5, #ARGV, 4 do
  local id, at = ARGV[i], tonumber(ARGV[i + 2])
  local value, forget = call('HGET', H, 'i/' .. id), at + CALLER_MS
  local known = value and outcomeOf(value)
  if now < forget and not (known and now < known.forget) then
    if known and known.caller then account[CALLER_IDS] = account[CALLER_IDS] - 1 end
    account[OUTCOMES], account[CALLER_IDS] = account[OUTCOMES] + 1, account[CALLER_IDS] + 1
    local outcome = pack({ ARGV[i + 1], at, forget, cjson.decode(ARGV[i + 3]), true })
    call('HSET', H, 'i/' .. id, whole(account[OUTCOMES]) .. ' ' .. outcome)
    call('ZADD', D, forget, 'i/' .. id)
    if forget < account[DUE] then account[DUE], lowered = forget, true end
  end
end
call('HSET', H, 'a', pack(account))
return { 'ok', lowered and wide(account[DUE]) }
`;
