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
    no = account[NUMBERS] + plan.numbers
  end
  plan.places = plan.places + 1
  local m = {
    no, version, version, now, now, now, false, false, false, false, false, false,
    tonumber(c.create.position) or 0, #c.create.text, 0, account[PLACES] + plan.places,
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
    m[POSITION] = tonumber(document.position) or m[POSITION]
    if document.fields ~= '' then m[FIELDS], m[INDEXED] = document.fields, document.indexed end
  end
  if c.lifetime then beginLifetime(m, c.lifetime, now) elseif c.slide then slide(m, now) end
end

-- Answers a refusal, or nothing. Names and values go to 'named', flat.
local function count(c, m, index, created, named, sets)
  local values, order, before = {}, {}, #m[COUNTERS]
  for _, counter in ipairs(c.counters) do
    local name = counter.name
    local value = values[name]
    if not value then
      insert(order, name)
      -- Of an earlier incarnation nothing counts.
      local standing = not created and call('HGET', H, 'c/' .. m[NO] .. '/' .. name)
      value = standing and tonumber(standing) or 0
      if not standing then insert(m[COUNTERS], name) end
    end
    local sum = value + counter.by
    if sum > MAX_SAFE or sum < -MAX_SAFE or (counter.min and sum < counter.min) or (counter.max and sum > counter.max) then
      return { 'bounds', index, name, wide(value), wide(counter.by) }
    end
    values[name] = sum
  end
  if #m[COUNTERS] > MAX_NAMES and #m[COUNTERS] > before then return { 'quota', 'counters' } end
  for _, name in ipairs(order) do
    insert(named, name)
    insert(named, wide(values[name]))
    insert(sets, 'c/' .. m[NO] .. '/' .. name)
    insert(sets, whole(values[name]))
  end
end

local function dropThrough(streams, j, through)
  local last = min(through, streams[j + 1])
  if last >= streams[j + 2] then streams[j + 2] = last + 1 end
end

-- Answers a refusal, or nothing. Heads go to 'heads', flat; what was appended to 'appended'.
local function move(c, m, index, heads, appended)
  local streams, latest, order = m[STREAMS], {}, {}
  local before = #streams
  for _, append in ipairs(c.appends or {}) do
    local j = streamOf(m, append.stream)
    local head = j and streams[j + 1] or 0
    if append.expected and append.expected ~= head then
      return { 'position', index, append.stream, wide(append.expected), wide(head) }
    end
    if not j then
      j = #streams + 1
      streams[j], streams[j + 1], streams[j + 2] = append.stream, 0, 1
    end
    insert(appended, { j = j, from = head + 1, data = append.data })
    streams[j + 1] = head + #append.data
    if not latest[append.stream] then insert(order, append.stream) end
    latest[append.stream] = streams[j + 1]
    if append.keep then dropThrough(streams, j, streams[j + 1] - append.keep) end
  end
  for _, trim in ipairs(c.trims or {}) do
    local j = streamOf(m, trim.stream)
    if j then dropThrough(streams, j, trim.through) end
  end
  if #streams > 3 * MAX_NAMES and #streams > before then return { 'quota', 'streams' } end
  for _, stream in ipairs(order) do
    insert(heads, stream)
    insert(heads, wide(latest[stream]))
  end
end

-- Events that were trimmed go, those that were appended and not trimmed again come.
local function planEvents(m, before, appended, sets, plan)
  for j = 1, #before, 3 do
    for position = before[j + 2], min(m[STREAMS][j + 2] - 1, before[j + 1]) do
      local field = eventField(m[NO], (j + 2) / 3, position)
      m[EVENT_BYTES] = m[EVENT_BYTES] - (call('HSTRLEN', H, field) - 17)
      insert(plan.dels, field)
      plan.events = plan.events - 1
    end
  end
  local at = fmt('%017.0f', plan.now)
  for _, append in ipairs(appended) do
    local first = m[STREAMS][append.j + 2]
    for i, text in ipairs(append.data) do
      local position = append.from + i - 1
      if position >= first then
        insert(sets, eventField(m[NO], (append.j + 2) / 3, position))
        insert(sets, at .. text)
        m[EVENT_BYTES] = m[EVENT_BYTES] + #text
        plan.events = plan.events + 1
      end
    end
  end
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

  local was = m and {
    live = live, ended = m[ENDED], expires = m[EXPIRES], purge = purgeOf(m), place = m[PLACE], indexed = m[INDEXED],
    bytes = m[DOCUMENT_BYTES] + m[EVENT_BYTES], counters = m[COUNTERS], streams = m[STREAMS],
  } or { live = false, bytes = 0, counters = {}, streams = {} }
  local text
  if live then
    was.streams = copied(m[STREAMS])
    touch(c, m, now)
    text = c.document and c.document.text
  else
    m = born(c, m, now, account, plan)
    text = c.create.text
  end

  local sets, named, heads, appended = {}, {}, {}, {}
  local refusal = c.counters and count(c, m, index, not live, named, sets)
  if not refusal and (c.appends or c.trims) then refusal = move(c, m, index, heads, appended) end
  if refusal then return refusal end

  c.result = { wide(m[VERSION]), wide(m[INCARNATION]), live and 0 or 1, wide(m[EXPIRES]), named, heads }
  if c.ends then m[ENDED] = now end
  local drop = c.ends and (m[RETAIN] or 0) == 0
  if drop or not live then plan.events = plan.events - contentFields(m[NO], was.counters, was.streams, plan.dels) end
  if drop then
    m[POSITION], m[DOCUMENT_BYTES], m[EVENT_BYTES], m[COUNTERS], m[STREAMS] = 0, 0, 0, {}, {}
    insert(plan.dels, 'd/' .. c.key)
  else
    if #appended > 0 or c.trims then planEvents(m, live and was.streams or {}, appended, sets, plan) end
    for i = 1, #sets do insert(plan.sets, sets[i]) end
    if text then
      insert(plan.sets, 'd/' .. c.key)
      insert(plan.sets, text)
    end
  end
  c.now, c.was = m, was
  plan.bytes = plan.bytes + m[DOCUMENT_BYTES] + m[EVENT_BYTES] - was.bytes
end
`;
