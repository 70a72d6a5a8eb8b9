/**
 * What all scripts share. Everything of one owner lies in four keys with one hash tag, and every one of them holds
 * something from the owner's first commit on, so that a cluster moving a slot finds either all of an owner or nothing:
 *
 *   P{owner}    a hash: `a` the account, `k` live records by kind, `m/KIND/ID` a record's facts, `d/KIND/ID` its document,
 *               `c/NO/NAME` a counter, `e/NO/STREAM/POSITION` an event (its time in 17 characters, then the data),
 *               `i/ID` the outcome of a commit id, `h/ID` how many rings still count it, `r/NO/SLOT` a ring of ids
 *   P{owner}:l  records in the order of creation: `KIND/PLACE/ID`, and `#KIND/FIELD/PLACE/ID` for each indexed field, FIELD
 *               being 12 characters of the digest of its name and value; all of score 0
 *   P{owner}:x  live records that expire, by when
 *   P{owner}:d  what a sweep has to look at, by when: `p/KIND/ID` a record to remove, `x/KIND/ID` one to close, `i/ID` an
 *               id, `r/NO` a ring. Sweeps that know nothing of `x/` let go of it and change nothing else.
 *
 * Facts and accounts are MessagePack arrays; `false` stands for what is not there. NO numbers the records of an owner,
 * STREAM the streams of a record. Numbers that Lua would print with an exponent are written with "%.0f".
 */
export const shared = `
local H, L, X, D = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local call, pack, unpackm = redis.call, cmsgpack.pack, cmsgpack.unpack
local fmt, sub, match, floor, max, min = string.format, string.sub, string.match, math.floor, math.max, math.min
local insert = table.insert
local CHUNK = 2000
local NEVER = 9007199254740991

-- Facts of a record.
local NO, VERSION, INCARNATION, CREATED, UPDATED, TOUCHED = 1, 2, 3, 4, 5, 6
local IDLE, ABSOLUTE, RETAIN, DEADLINE, EXPIRES, ENDED = 7, 8, 9, 10, 11, 12
local POSITION, DOCUMENT_BYTES, EVENT_BYTES, PLACE = 13, 14, 15, 16
local RING, RING_DUE, COUNTERS, STREAMS, FIELDS, INDEXED = 17, 18, 19, 20, 21, 22
-- The account of an owner. TOP is the highest version any record of it ever had.
local FLOOR, IMPORT_FLOOR, PLACES, NUMBERS, BYTES, RECORDS = 1, 2, 3, 4, 5, 6
local EVENTS, CALLER_IDS, OUTCOMES, DUE, TOP = 7, 8, 9, 10, 11

-- "+ms" is the server's time and so much more, "@ms" a time a test has set.
local function timeOf(clock)
  local ms = tonumber(sub(clock, 2))
  if sub(clock, 1, 1) == '@' then return ms end
  local t = call('TIME')
  return t[1] * 1000 + floor(t[2] / 1000) + ms
end

local function whole(n) return fmt('%.0f', n) end
-- Numbers that a client may not read exactly go as text.
local function wide(n)
  if n and (n > 4e15 or n < -4e15) then return whole(n) end
  return n
end
local function isLive(m, now) return m and not m[ENDED] and (not m[EXPIRES] or now < m[EXPIRES]) end
local function purgeOf(m)
  local over = m[ENDED] or m[EXPIRES]
  return over and over + (m[RETAIN] or 0)
end
-- When a sweep may close a record, or false: what is retained and was not ended, once it expires.
local function closeOf(m) return m[RETAIN] and m[RETAIN] > 0 and not m[ENDED] and m[EXPIRES] end
-- What a text holds, or false where it is none of ours: the trouble of who needs it, and of nobody else in the call.
local function readable(packed)
  local isRead, value = pcall(unpackm, packed)
  return isRead and type(value) == 'table' and value
end
local function factsIn(packed) return readable(packed) or error('facts that cannot be read') end
local function kindOf(key) return match(key, '^[^/]+') end
-- Members of the order of creation that a record has, or is to have.
local function members(key, place, indexed)
  local kind, id = match(key, '^([^/]+)/(.+)$')
  local behind = fmt('/%016.0f/', place) .. id
  local all = { kind .. behind }
  for i = 1, #indexed, 12 do insert(all, '#' .. kind .. '/' .. sub(indexed, i, i + 11) .. behind) end
  return all
end
-- In pieces: Lua hands on only so many arguments at once.
local function unlist(key, place, indexed)
  local all = members(key, place, indexed)
  for i = 1, #all, CHUNK do call('ZREM', L, unpack(all, i, min(i + CHUNK - 1, #all))) end
end
local function enlist(key, place, indexed)
  local scored = {}
  for _, member in ipairs(members(key, place, indexed)) do
    insert(scored, 0)
    insert(scored, member)
  end
  for i = 1, #scored, CHUNK do call('ZADD', L, unpack(scored, i, min(i + CHUNK - 1, #scored))) end
end
local function newAccount() return { 0, 0, 0, 0, 0, 0, 0, 0, 0, NEVER, 0 } end
-- Every key holds something from now on.
local function layKeys()
  call('ZADD', L, 0, '')
  call('ZADD', X, '+inf', '')
  call('ZADD', D, '+inf', '')
end
local function eventField(no, stream, position) return 'e/' .. no .. '/' .. stream .. '/' .. fmt('%.0f', position) end
local function metaOf(key)
  local packed = call('HGET', H, 'm/' .. key)
  return packed and factsIn(packed)
end

local function hset(list)
  for i = 1, #list, CHUNK do call('HSET', H, unpack(list, i, min(i + CHUNK - 1, #list))) end
end
local function hdel(list)
  for i = 1, #list, CHUNK do call('HDEL', H, unpack(list, i, min(i + CHUNK - 1, #list))) end
end
local function hmget(list)
  if #list <= CHUNK then return call('HMGET', H, unpack(list)) end
  local all = {}
  for i = 1, #list, CHUNK do
    for _, value in ipairs(call('HMGET', H, unpack(list, i, min(i + CHUNK - 1, #list)))) do insert(all, value) end
  end
  return all
end

-- Fields of counters and events that are kept of a record. Answers how many events there are among them.
local function contentFields(no, counters, streams, into)
  local events = 0
  for _, name in ipairs(counters) do insert(into, 'c/' .. no .. '/' .. name) end
  for j = 1, #streams, 3 do
    for position = streams[j + 2], streams[j + 1] do
      insert(into, eventField(no, (j + 2) / 3, position))
      events = events + 1
    end
  end
  return events
end

-- Fields of a record's counters, in order, after what is there already.
local function addCounterFields(m, into)
  local prefix, names = 'c/' .. m[NO] .. '/', m[COUNTERS]
  for i = 1, #names do into[#into + 1] = prefix .. names[i] end
end

-- What the outside sees of a record whose counters' values and document were looked up.
local function described(key, m, values, document)
  local facts = {}
  for i = VERSION, PLACE do facts[i - 1] = wide(m[i]) end
  local standing, streams = m[STREAMS], {}
  for j = 1, #standing, 3 do
    streams[j], streams[j + 1], streams[j + 2] = standing[j], wide(standing[j + 1]), wide(standing[j + 2])
  end
  return { key, facts, m[COUNTERS], values, streams, m[FIELDS], document }
end

-- What the outside sees of a record; its document only where asked for.
local function shown(key, m, withDocument)
  local fields = {}
  addCounterFields(m, fields)
  local document = withDocument and (call('HGET', H, 'd/' .. key) or '')
  return described(key, m, #fields > 0 and hmget(fields) or {}, document)
end

-- Retained events of a stream from one position towards another, each as position, time and data.
local function eventsBetween(no, stream, from, to, limit, maxBytes)
  local list, bytes, count, position = {}, 0, 0, from
  local step = from <= to and 1 or -1
  local left = (to - from) * step + 1
  while left > 0 and count < limit do
    local fields = {}
    for i = 1, min(left, limit - count, maxBytes and 64 or CHUNK) do
      fields[i] = eventField(no, stream, position + (i - 1) * step)
    end
    for _, value in ipairs(call('HMGET', H, unpack(fields))) do
      if maxBytes and bytes >= maxBytes and count > 0 then return list, left end
      insert(list, wide(position))
      insert(list, wide(tonumber(sub(value, 1, 17))))
      insert(list, sub(value, 18))
      count, bytes, left, position = count + 1, bytes + #value - 17, left - 1, position + step
    end
  end
  return list, left
end

local function streamOf(m, name)
  for j = 1, #m[STREAMS], 3 do
    if m[STREAMS][j] == name then return j end
  end
end
`;
