/** What readers ask of one owner. Nothing here writes, so all of it works while the server is full. */

/**
 * KEYS: the owner's hash. ARGV: clock, bytes of documents after which no further one is answered, and per record asked
 * for: key, commit id or "", how many tails, and per tail: stream, from where, limit, bytes or "". Answers the time, and
 * for as many of them as there is room for, though at least one: the record, its tails and the outcome of the id; or 0 in
 * place of a record that cannot be read.
 */
export const read = `
local now = timeOf(ARGV[1])

local function tailOf(m, stream, from, limit, maxBytes)
  local j = streamOf(m, stream)
  if not j then return {} end
  local head, first = m[STREAMS][j + 1], m[STREAMS][j + 2]
  local how, n = sub(from, 1, 1), tonumber(sub(from, 2))
  if how == 'l' then
    -- The newest are gathered first, and told oldest first.
    local most = min(n, limit)
    if most == 0 or head < first then return {} end
    local newest = eventsBetween(m[NO], (j + 2) / 3, head, first, most, maxBytes)
    local oldest = {}
    for i = #newest - 2, 1, -3 do
      insert(oldest, newest[i])
      insert(oldest, newest[i + 1])
      insert(oldest, newest[i + 2])
    end
    return oldest
  end
  local low = max(first, (how == 'd' and m[POSITION] or n) + 1)
  if low > head then return {} end
  return (eventsBetween(m[NO], (j + 2) / 3, low, head, limit, maxBytes))
end

-- Where each question begins, and the facts of the records they ask for.
local room, asked, fields, i = tonumber(ARGV[2]), {}, {}, 3
while i <= #ARGV do
  asked[#asked + 1] = i
  fields[#fields + 1] = 'm/' .. ARGV[i]
  i = i + 3 + 4 * ARGV[i + 2]
end
local metas, wanted = hmget(fields), {}
for q = 1, #asked do
  local m = metas[q] and (readable(metas[q]) or 0)
  if m ~= 0 and isLive(m, now) then
    room = room - m[DOCUMENT_BYTES]
    if room < 0 and q > 1 then
      asked[q] = nil
      break
    end
    wanted[#wanted + 1] = 'd/' .. ARGV[asked[q]]
    addCounterFields(m, wanted)
  elseif m ~= 0 then
    m = false
  end
  metas[q] = m
end

local found, at, answers = #wanted > 0 and hmget(wanted) or {}, 0, {}
for q, from in ipairs(asked) do
  local key, id, count, m = ARGV[from], ARGV[from + 1], tonumber(ARGV[from + 2]), metas[q]
  local record, tails, outcome = m == 0 and 0, {}, false
  if m and m ~= 0 then
    local document, values = found[at + 1] or '', {}
    for n = 1, #m[COUNTERS] do values[n] = found[at + 1 + n] end
    at = at + 1 + #values
    record = described(key, m, values, document)
    for j = from + 3, from + 4 * count, 4 do
      insert(tails, tailOf(m, ARGV[j], ARGV[j + 1], tonumber(ARGV[j + 2]), tonumber(ARGV[j + 3])))
    end
  end
  if id ~= '' then
    local value = call('HGET', H, 'i/' .. id)
    local known = value and outcomeOf(value)
    if known and now < known.forget then outcome = { known.digest, known.at, known.results } end
  end
  answers[q] = { record, tails, outcome }
end
return { now, answers }
`;

/** KEYS: the owner's hash. ARGV: clock, key, stream, after, before or "", limit, bytes or "", order. */
export const events = `
local now, key, stream, after = timeOf(ARGV[1]), ARGV[2], ARGV[3], tonumber(ARGV[4])
local before, limit, maxBytes, order = tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7]), ARGV[8]
local m = metaOf(key)
if not isLive(m, now) then return false end
local j = streamOf(m, stream)
local head, first = j and m[STREAMS][j + 1] or 0, j and m[STREAMS][j + 2] or 1
local low, high = max(after + 1, first), min((before or head + 1) - 1, head)
if low > high then return { wide(m[INCARNATION]), wide(head), wide(first), 0, {} } end
local from, to = low, high
if order == 'newest' then from, to = high, low end
local list, left = eventsBetween(m[NO], (j + 2) / 3, from, to, limit, maxBytes)
return { wide(m[INCARNATION]), wide(head), wide(first), left > 0 and 1 or 0, list }
`;

/**
 * KEYS: the owner's hash and its order of creation. ARGV: clock, prefix of members, the member after which to go on or
 * "", order, limit, fields wanted. Answers the live records found, each with its member, and the member to go on after
 * where it stopped before the end.
 */
export const list = `
local now, prefix, after, order, limit = timeOf(ARGV[1]), ARGV[2], ARGV[3], ARGV[4], tonumber(ARGV[5])
local wanted = ARGV[6]
-- Between the prefix and what comes right after everything that begins with it.
local low, high = '[' .. prefix, '(' .. sub(prefix, 1, -2) .. string.char(string.byte(prefix, -1) + 1)
local command = 'ZRANGEBYLEX'
if after ~= '' and order == 'oldest' then low = '(' .. after end
if after ~= '' and order == 'newest' then high = '(' .. after end
if order == 'newest' then command, low, high = 'ZREVRANGEBYLEX', high, low end

local function hasAll(indexed)
  for i = 1, #wanted, 12 do
    local field, has = sub(wanted, i, i + 11), false
    for j = 1, #indexed, 12 do has = has or sub(indexed, j, j + 11) == field end
    if not has then return false end
  end
  return true
end

local found, looked = {}, 0
while #found < limit do
  local members = call(command, L, low, high, 'LIMIT', 0, min(limit - #found, 200))
  if #members == 0 then return { now, found, false } end
  local fields, keys = {}, {}
  for i, member in ipairs(members) do
    local kind, id = match(member, '^#?([^/]+)/.*/([^/]+)$')
    keys[i] = kind .. '/' .. id
    fields[i] = 'm/' .. keys[i]
  end
  for i, packed in ipairs(call('HMGET', H, unpack(fields))) do
    local m = packed and unpackm(packed)
    if isLive(m, now) and hasAll(m[INDEXED]) then insert(found, { members[i], shown(keys[i], m, false) }) end
  end
  low, looked = '(' .. members[#members], looked + #members
  -- Nobody else is served meanwhile, so it is left at that.
  if looked >= 2000 then return { now, found, members[#members] } end
end
return { now, found, found[#found][1] }
`;

/**
 * KEYS: the owner's hash and its order of creation. ARGV: clock, kind or "", the place after which to go on, limit.
 * Records of any state and, unless one is named, of every kind, in the order they were created.
 */
export const scan = `
local now, wanted, place, limit = timeOf(ARGV[1]), ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local candidates, from = {}, wanted == '' and '[a' or '[' .. wanted .. '/'
while true do
  local first = call('ZRANGEBYLEX', L, from, '+', 'LIMIT', 0, 1)[1]
  local kind = first and match(first, '^[^/]+')
  if not kind or (wanted ~= '' and kind ~= wanted) then break end
  local low = '[' .. kind .. '/' .. fmt('%016.0f', place + 1)
  for _, member in ipairs(call('ZRANGEBYLEX', L, low, '(' .. kind .. '0', 'LIMIT', 0, limit)) do
    local at, id = match(member, '^[^/]+/([^/]+)/(.+)$')
    insert(candidates, { tonumber(at), kind .. '/' .. id })
  end
  from = '[' .. kind .. '0'
end
table.sort(candidates, function(one, other) return one[1] < other[1] end)
local found = {}
for i = 1, min(limit, #candidates) do
  found[i] = { candidates[i][1], shown(candidates[i][2], metaOf(candidates[i][2]), false) }
end
return { now, found }
`;

/** KEYS: the owner's hash, (unused), and who expires when. ARGV: clock. Answers bytes, and live records by kind. */
export const usage = `
local now = timeOf(ARGV[1])
local values = call('HMGET', H, 'a', 'k')
if not values[1] then return { 0, {} } end
local kinds = values[2] and unpackm(values[2]) or {}
for _, key in ipairs(call('ZRANGEBYSCORE', X, '-inf', now)) do
  local kind = kindOf(key)
  kinds[kind] = (kinds[kind] or 0) - 1
end
local flat = {}
for kind, count in pairs(kinds) do
  if count > 0 then
    insert(flat, kind)
    insert(flat, count)
  end
end
return { unpackm(values[1])[BYTES], flat }
`;

/** KEYS: the owner's hash. ARGV: key, whether events are wanted too. A record of any state. */
export const inspect = `
local m = metaOf(ARGV[1])
if not m then return false end
local streams = {}
if ARGV[2] == '1' then
  for j = 1, #m[STREAMS], 3 do
    local head, first = m[STREAMS][j + 1], m[STREAMS][j + 2]
    streams[(j + 2) / 3] = first <= head and eventsBetween(m[NO], (j + 2) / 3, first, head, NEVER, nil) or {}
  end
end
return { shown(ARGV[1], m, true), streams }
`;

/** KEYS: the owner's hash. Answers records, events and bytes of one owner; nothing for one nothing is known of. */
export const stats = `
local packed = call('HGET', H, 'a')
if not packed then return false end
local account = unpackm(packed)
return { account[RECORDS], account[EVENTS], account[BYTES] }
`;
