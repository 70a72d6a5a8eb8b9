/**
 * The decision about one change, as `record/decide.ts` takes it; the model test holds the two together. It writes
 * nothing: what is to be written is gathered in a plan.
 */
export const decide = `
local MAX_SAFE, MAX_NAMES = 9007199254740991, 1000

local function beginLifetime(m, lifetime, now)
  local idle, absolute, retain = match(lifetime, '^(%d*),(%d*),(%d*)$')
  m[IDLE], m[ABSOLUTE], m[RETAIN] = tonumber(idle) or false, tonumber(absolute) or false, tonumber(retain) or false
  m[DEADLINE] = m[ABSOLUTE] and now + m[ABSOLUTE]
  m[EXPIRES] = m[IDLE] and now + m[IDLE]
  if m[DEADLINE] and (not m[EXPIRES] or m[DEADLINE] < m[EXPIRES]) then m[EXPIRES] = m[DEADLINE] end
end

local function slide(m, now)
  if not m[IDLE] or not m[EXPIRES] then return end
  local slid = now + m[IDLE]
  if m[DEADLINE] and m[DEADLINE] < slid then slid = m[DEADLINE] end
  if slid - m[EXPIRES] > m[IDLE] / 20 then m[EXPIRES] = slid end
end

local function born(c, standing, now, account, plan)
  local version = max(standing and standing[VERSION] or 0, account[FLOOR]) + 1
  local no = standing and standing[NO]
  if not no then
    plan.numbers = plan.numbers + 1
    -- As text: it becomes part of many names, and printing numbers is slow.
    no = whole(account[NUMBERS] + plan.numbers)
  end
  plan.places = plan.places + 1
  local m = {
    no, version, version, now, now, now, false, false, false, false, false, false,
    c.create.position or 0, #c.create.text, 0, account[PLACES] + plan.places,
    standing and standing[RING] or 0, standing and standing[RING_DUE] or 0, {}, {}, c.create.fields, c.create.indexed,
  }
  beginLifetime(m, c.lifetime or c.create.lifetime, now)
  return m
end

local function touch(c, m, now)
  -- A clock that steps back must not make a record look younger than it is.
  m[TOUCHED] = max(m[TOUCHED], now)
  local document = c.document
  if document then
    m[VERSION] = m[VERSION] + 1
    m[UPDATED] = max(m[UPDATED], now)
    m[DOCUMENT_BYTES] = #document.text
    m[POSITION] = document.position or m[POSITION]
    if document.fields ~= '' then m[FIELDS], m[INDEXED] = document.fields, document.indexed end
  end
  if c.lifetime then beginLifetime(m, c.lifetime, now) elseif c.slide then slide(m, now) end
end

local none = {}

-- Answers a refusal, or nothing, and the counters named with their values, flat.
local function count(c, m, index, created, sets)
  local counters, values, named, before = c.counters, {}, {}, #m[COUNTERS]
  local prefix = 'c/' .. m[NO] .. '/'
  for i = 1, #counters do
    local name, by, least, most = counters[i][1], counters[i][2], counters[i][3], counters[i][4]
    local value = values[name]
    if not value then
      named[#named + 1] = name
      named[#named + 1] = false
      -- Of an earlier incarnation nothing counts.
      local standing = not created and holds(prefix .. name)
      value = standing and tonumber(standing) or 0
      if not standing then insert(m[COUNTERS], name) end
    end
    local sum = value + by
    if sum > MAX_SAFE or sum < -MAX_SAFE or (least and sum < least) or (most and sum > most) then
      return { 'bounds', index, name, wide(value), wide(by) }
    end
    values[name] = sum
  end
  if #m[COUNTERS] > MAX_NAMES and #m[COUNTERS] > before then return { 'quota', 'counters' } end
  for i = 1, #named, 2 do
    local value = values[named[i]]
    named[i + 1] = wide(value)
    sets[#sets + 1] = prefix .. named[i]
    sets[#sets + 1] = whole(value)
  end
  return nil, named
end

local function dropThrough(streams, j, through)
  local last = min(through, streams[j + 1])
  if last >= streams[j + 2] then streams[j + 2] = last + 1 end
end

-- Answers a refusal, or nothing, and the heads of the streams appended to, flat. Fills in where each append begins.
local function move(c, m, index)
  local streams, latest, heads = m[STREAMS], {}, {}
  local before, appends, trims = #streams, c.appends or none, c.trims or none
  for i = 1, #appends do
    local append = appends[i]
    local name = append.stream
    local j = streamOf(m, name)
    local head = j and streams[j + 1] or 0
    if append.expected and append.expected ~= head then
      return { 'position', index, name, wide(append.expected), wide(head) }
    end
    if not j then
      j = #streams + 1
      streams[j], streams[j + 1], streams[j + 2] = name, 0, 1
    end
    append.j, append.from = j, head + 1
    streams[j + 1] = head + #append.data
    if not latest[name] then
      heads[#heads + 1] = name
      heads[#heads + 1] = false
    end
    latest[name] = streams[j + 1]
    if append.keep then dropThrough(streams, j, streams[j + 1] - append.keep) end
  end
  for i = 1, #trims do
    local j = streamOf(m, trims[i][1])
    if j then dropThrough(streams, j, trims[i][2]) end
  end
  if #streams > 3 * MAX_NAMES and #streams > before then return { 'quota', 'streams' } end
  for i = 1, #heads, 2 do heads[i + 1] = wide(latest[heads[i]]) end
  return nil, heads
end

local stampOf, stamp

-- Events that were trimmed go, those that were appended and not trimmed again come.
local function planEvents(c, m, before, sets, plan)
  local streams, no = m[STREAMS], m[NO]
  for j = 1, #before, 3 do
    for position = before[j + 2], min(streams[j + 2] - 1, before[j + 1]) do
      local field = eventField(no, (j + 2) / 3, position)
      -- One of this very call is not written yet.
      local event = held[field]
      m[EVENT_BYTES] = m[EVENT_BYTES] - ((event and #event or call('HSTRLEN', H, field)) - 17)
      insert(plan.dels, field)
      plan.events = plan.events - 1
    end
  end
  local appends = c.appends or none
  for i = 1, #appends do
    local append = appends[i]
    local first, data = streams[append.j + 2], append.data
    local prefix = 'e/' .. no .. '/' .. (append.j + 2) / 3 .. '/'
    if stampOf ~= plan.now then stampOf, stamp = plan.now, fmt('%017.0f', plan.now) end
    for k = 1, #data do
      local position = append.from + k - 1
      if position >= first then
        sets[#sets + 1] = prefix .. whole(position)
        sets[#sets + 1] = stamp .. data[k]
        m[EVENT_BYTES] = m[EVENT_BYTES] + #data[k]
        plan.events = plan.events + 1
      end
    end
  end
end

-- Whether something of what is there may have to go.
local function trims(c)
  if c.trims or c.ends then return true end
  for _, append in ipairs(c.appends or none) do if append.keep then return true end end
  return false
end

local function copied(list)
  local copy = {}
  for i = 1, #list do copy[i] = list[i] end
  return copy
end

-- Decides one change whose record stands as 'm', which it alters. Answers a refusal, or nothing.
local function decide(c, m, index, account, plan)
  local now, live = plan.now, isLive(m, plan.now)
  local met = c.expect == 'any' or (c.expect == 'present' and live) or (c.expect == 'absent' and not live)
    or (live and m[VERSION] == tonumber(c.expect))
  if not met or (not live and not c.create) then return { 'version', index, live and wide(m[VERSION]) or false } end

  c.wasLive, c.wasPurge, c.wasClose = live or false, false, false
  local bytes, counters, streams, text = 0, none, none, nil
  if m then
    c.wasEnded, c.wasExpires, c.wasPlace, c.wasIndexed = m[ENDED], m[EXPIRES], m[PLACE], m[INDEXED]
    c.wasPurge, c.wasClose = purgeOf(m) or false, closeOf(m)
    bytes, counters, streams = m[DOCUMENT_BYTES] + m[EVENT_BYTES], m[COUNTERS], m[STREAMS]
  end
  if live then
    -- What is altered below is looked back at only where something may have to go.
    streams = trims(c) and copied(streams) or none
    touch(c, m, now)
    text = c.document and c.document.text
  else
    m = born(c, m, now, account, plan)
    if c.create.version and c.create.version ~= m[VERSION] then
      return { 'beginning', index, wide(c.create.version), wide(m[VERSION]) }
    end
    text = c.create.text
  end

  local sets, drop = plan.sets, c.ends and (m[RETAIN] or 0) == 0
  -- Of what is dropped nothing is written.
  if drop then sets = {} end
  local refusal, named, heads
  if c.counters then refusal, named = count(c, m, index, not live, sets) end
  if not refusal and (c.appends or c.trims) then refusal, heads = move(c, m, index) end
  if refusal then return refusal end

  c.result = { wide(m[VERSION]), wide(m[INCARNATION]), live and 0 or 1, wide(m[EXPIRES]), named or none, heads or none }
  if c.ends then m[ENDED] = now end
  if drop or not live then plan.events = plan.events - contentFields(m[NO], counters, streams, plan.dels) end
  if drop then
    m[POSITION], m[DOCUMENT_BYTES], m[EVENT_BYTES], m[COUNTERS], m[STREAMS] = 0, 0, 0, {}, {}
    insert(plan.dels, 'd/' .. c.key)
  else
    if c.appends or c.trims then planEvents(c, m, live and streams or none, sets, plan) end
    if text then
      sets[#sets + 1] = 'd/' .. c.key
      sets[#sets + 1] = text
    end
  end
  c.now = m
  plan.bytes = plan.bytes + m[DOCUMENT_BYTES] + m[EVENT_BYTES] - bytes
end
`;
