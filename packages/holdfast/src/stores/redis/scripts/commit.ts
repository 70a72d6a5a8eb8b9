/**
 * Commits of one owner, in order, each with its own outcome. Everything of a commit is decided before anything of it is
 * written, so none ever has to be taken back.
 *
 * KEYS: the owner's four. ARGV: clock, whether the owner is registered, and the commits as `commit-arguments.ts` gives
 * them. Answers one outcome per commit, and by when a sweep has to look at this owner if that is now earlier than what
 * the registry may know.
 */
export const commit = `
local cursor = 3
local function take()
  cursor = cursor + 1
  return ARGV[cursor]
end

-- Names and numbers come as one JSON text, which is read at once; whatever people wrote comes behind it, as it is.
local function documentFrom(parts)
  local position, isIndexed = parts[1], parts[2]
  local text = take()
  if isIndexed then return { text = text, position = position, fields = take(), indexed = take() } end
  return { text = text, position = position, fields = '', indexed = '' }
end

local function changeFrom(parts)
  local appends, trims, document, create = parts[4], parts[5], parts[6], parts[10]
  -- Room for what is found out later is made at once; a table that grows is costly.
  local c = {
    key = parts[1], field = 'm/' .. parts[1], expect = parts[2], counters = parts[3], appends = appends, trims = trims,
    document = document, lifetime = parts[7], slide = parts[8], ends = parts[9], create = create, now = false,
    result = false, wasLive = false, wasEnded = false, wasExpires = false, wasPlace = false, wasIndexed = false,
    wasPurge = false, wasClose = false,
  }
  if create then
    c.create = documentFrom(create)
    c.create.lifetime, c.create.version = create[3], create[4]
  end
  if document then c.document = documentFrom(document) end
  for i = 1, #(appends or {}) do
    local append = appends[i]
    local data = {}
    for j = 1, append[4] do data[j] = take() end
    appends[i] = { stream = append[1], expected = append[2], keep = append[3], data = data }
  end
  return c
end

local function commitFrom(parts, quotas)
  local commit = { id = parts[2], room = parts[3], fence = parts[4], token = parts[5], quota = quotas[parts[6]] }
  if commit.id then commit.digest, commit.caller = take(), commit.room and true or false end
  local changes = parts[1]
  for i = 1, #changes do changes[i] = changeFrom(changes[i]) end
  commit.changes = changes
  return commit
end

local function isEngineKind(kind) return sub(kind, 1, 9) == 'holdfast.' end

-- Takes out of the counts what expired since they were last looked at.
local function settle(now, kinds)
  while true do
    local expired = call('ZRANGEBYSCORE', X, '-inf', now, 'LIMIT', 0, 500)
    if #expired == 0 then return end
    for _, key in ipairs(expired) do
      local kind = kindOf(key)
      kinds[kind] = (kinds[kind] or 0) - 1
      if kinds[kind] <= 0 then kinds[kind] = nil end
    end
    call('ZREM', X, unpack(expired))
    call('HSET', H, 'k', pack(kinds))
  end
end

local function breaks(limit, standing, grown) return limit and grown > 0 and standing + grown > limit end

-- Which limit what was decided would break: only what grows can.
local function brokenQuota(commit, account, kinds, plan)
  local limits, changes, growth, order, records = commit.quota, commit.changes, none, none, 0
  for i = 1, #changes do
    local c = changes[i]
    local grown = (isLive(c.now, plan.now) and 1 or 0) - (c.wasLive and 1 or 0)
    if grown ~= 0 then
      if order == none then growth, order = {}, {} end
      local kind = kindOf(c.key)
      if not growth[kind] then
        growth[kind] = 0
        insert(order, kind)
      end
      growth[kind] = growth[kind] + grown
    end
  end
  for i = 1, #order do
    local kind = order[i]
    if not isEngineKind(kind) then
      records = records + growth[kind]
      if breaks(limits[3][kind], kinds[kind] or 0, growth[kind]) then return { 'quota', 'kind', kind } end
    end
  end
  if records > 0 then
    local standing = 0
    for kind, count in pairs(kinds) do if not isEngineKind(kind) then standing = standing + count end end
    if breaks(limits[1], standing, records) then return { 'quota', 'records' } end
  end
  if breaks(limits[2], account[BYTES], plan.bytes) then return { 'quota', 'bytes' } end
end

-- What has to be found again by its time, and whether the owner's counts have it.
local function writeTimes(c, kinds, plan)
  local m, key = c.now, c.key
  local counts = isLive(m, plan.now)
  local counted = c.wasPlace and not c.wasEnded and not c.wasExpires and 1 or 0
  if counts and m[EXPIRES] then
    if c.wasLive and c.wasExpires == m[EXPIRES] then counted = 1
    elseif call('ZADD', X, m[EXPIRES], key) == 0 then counted = 1 end
  elseif c.wasExpires and not c.wasEnded then
    counted = call('ZREM', X, key)
  end
  local delta = (counts and 1 or 0) - counted
  if delta ~= 0 then
    local kind = kindOf(key)
    kinds[kind] = (kinds[kind] or 0) + delta
    if kinds[kind] <= 0 then kinds[kind] = nil end
    plan.kindsChanged = true
  end
  local purge = purgeOf(m)
  if purge ~= c.wasPurge then
    if purge then insert(plan.due, { 'p/' .. key, purge }) else call('ZREM', D, 'p/' .. key) end
  end
  local close = closeOf(m)
  if close ~= c.wasClose then
    if close then insert(plan.due, { 'x/' .. key, close }) else call('ZREM', D, 'x/' .. key) end
  end
  if not c.wasLive or c.wasIndexed ~= m[INDEXED] then
    if c.wasPlace then unlist(key, c.wasPlace, c.wasIndexed) end
    enlist(key, m[PLACE], m[INDEXED])
  end
end

-- What all commits of a call share; the account is written once, after the last of them.
local account, kinds, isNew, isChanged, isLower, kindsChanged, isSettled
local function load()
  local values = call('HMGET', H, 'a', 'k')
  isNew, isChanged, kindsChanged = not values[1], false, false
  account = isNew and newAccount() or unpackm(values[1])
  kinds = values[2] and unpackm(values[2]) or {}
end
local function flush()
  if isChanged then call('HSET', H, 'a', pack(account)) end
  if kindsChanged then call('HSET', H, 'k', pack(kinds)) end
  writeFields()
end

local function write(commit, plan)
  if isNew then layKeys() end
  isChanged, kindsChanged, isNew = true, kindsChanged or isNew, false
  -- What is made after an erasure closes the door to what was erased.
  if account[RECORDS] == 0 then account[IMPORT_FLOOR] = account[FLOOR] end
  account[PLACES], account[NUMBERS] = account[PLACES] + plan.places, account[NUMBERS] + plan.numbers
  account[BYTES], account[EVENTS] = account[BYTES] + plan.bytes, account[EVENTS] + plan.events
  local changes = commit.changes
  for i = 1, #changes do
    local c = changes[i]
    writeTimes(c, kinds, plan)
    if not c.wasPlace then account[RECORDS] = account[RECORDS] + 1 end
    if c.now[VERSION] > account[TOP] then account[TOP] = c.now[VERSION] end
  end
  kindsChanged = kindsChanged or plan.kindsChanged
  for i = 1, #plan.due do
    local due = plan.due[i]
    call('ZADD', D, due[2], due[1])
    if due[2] < account[DUE] then account[DUE], isLower = due[2], true end
  end
  local sets, dels = plan.sets, plan.dels
  for i = 1, #dels do put(dels[i], false) end
  for i = 1, #sets, 2 do put(sets[i], sets[i + 1]) end
  for i = 1, #changes do put(changes[i].field, pack(changes[i].now)) end
end

local function refused(refusal, now)
  insert(refusal, 1, now)
  return refusal
end

-- Facts that were read ahead. Whoever is given some may alter them, so they are given out once.
local facts = {}
local function factsOf(field)
  local m = facts[field]
  if m then
    facts[field] = nil
    return m
  end
  local packed = holds(field)
  return packed and factsIn(packed)
end

-- Fetches what all commits of the call need: first what they name, then what that leads to, then what rings let go.
local function readAhead(commits)
  local wanted = {}
  for i = 1, #commits do
    local commit = commits[i]
    if commit.id then wanted[#wanted + 1] = 'i/' .. commit.id end
    if commit.fence then wanted[#wanted + 1] = 'm/' .. commit.fence end
    for j = 1, #commit.changes do wanted[#wanted + 1] = commit.changes[j].field end
  end
  look(wanted)
  local turns, rings = {}, {}
  wanted = {}
  for i = 1, #commits do
    local isInternal = commits[i].id and not commits[i].caller
    for _, c in ipairs(commits[i].changes) do
      local packed, m = held[c.field], facts[c.field]
      if packed and not m then
        m = readable(packed)
        facts[c.field] = m or nil
      end
      if m then
        for _, counter in ipairs(c.counters or {}) do wanted[#wanted + 1] = 'c/' .. m[NO] .. '/' .. counter[1] end
        if isInternal then
          turns[c.field] = ((turns[c.field] or m[RING]) + 1) % RING_SIZE
          rings[#rings + 1] = 'r/' .. m[NO] .. '/' .. turns[c.field]
          wanted[#wanted + 1] = rings[#rings]
        end
      end
    end
  end
  look(wanted)
  wanted = {}
  for i = 1, #rings do
    local slot = held[rings[i]]
    local id = slot and match(slot, '^%d+ %d (.*)$')
    if id then wanted[#wanted + 1] = 'i/' .. id end
  end
  look(wanted)
end

local function run(commit, now, isRegistered)
  local changes, known = commit.changes, commit.id and holds('i/' .. commit.id)
  if known then
    known = outcomeOf(known)
    if now < known.forget then return { now, 'known', known.digest, known.at, known.results } end
    commit.replacesCaller = known.caller
  end
  if commit.fence then
    local packed = holds('m/' .. commit.fence)
    local fence = packed and factsIn(packed)
    local actual = isLive(fence, now) and fence[VERSION] or false
    if actual ~= commit.token then return { now, 'fence', wide(actual) } end
  end

  local plan = { now = now, places = 0, numbers = 0, bytes = 0, events = 0, sets = {}, dels = {}, due = {} }
  local results = {}
  for i = 1, #changes do
    local refusal = decide(changes[i], factsOf(changes[i].field), i - 1, account, plan)
    if refusal then return refused(refusal, now) end
    results[i] = changes[i].result
  end
  if commit.quota then
    if not isSettled then settle(now, kinds) end
    isSettled = true
    local refusal = brokenQuota(commit, account, kinds, plan)
    if refusal then return refused(refusal, now) end
  end
  if commit.caller and not hasRoom(commit, now, account) then return { now, 'quota', 'commitIds' } end
  if isNew and not isRegistered then return { now, 'register' } end
  if commit.id then remember(commit, results, account, plan) end
  write(commit, plan)
  return { now, 'ok', results }
end

local isRegistered, header = ARGV[2] == '1', cjson.decode(ARGV[3])
local quotas, commits = header[1], header[2]
for i = 1, #commits do commits[i] = commitFrom(commits[i], quotas) end
local answers, now = {}, timeOf(ARGV[1])
load()
readAhead(commits)
for i = 1, #commits do
  local done, answer = pcall(run, commits[i], now, isRegistered)
  -- A neighbour's trouble is nobody else's.
  answers[i] = done and answer or { 0, 'failed', type(answer) == 'table' and answer.err or tostring(answer) }
end
flush()
-- Nil would leave the place out, where false says that there is none.
return { answers, isLower and wide(account[DUE]) or false }
`;
