/**
 * Commits of one owner, in order, each with its own outcome. Everything of a commit is decided before anything of it is
 * written, so none ever has to be taken back.
 *
 * KEYS: the owner's four. ARGV: clock, whether the owner is registered, how many commits, and then each; `wire.ts` puts
 * them there. Answers one outcome per commit, and by when a sweep has to look at this owner if that is now earlier than
 * what the registry may know.
 */
export const commit = `
local cursor = 3
local function take()
  cursor = cursor + 1
  return ARGV[cursor]
end
local function number() return tonumber(take()) end

-- Plain loops rather than functions handed to functions: this runs for every commit there is.
local readers = {
  n = function(c)
    c.create = { text = take(), position = take(), fields = take(), indexed = take(), lifetime = take() }
  end,
  d = function(c) c.document = { text = take(), position = take(), fields = take(), indexed = take() } end,
  c = function(c)
    local all = {}
    for i = 1, number() do all[i] = { name = take(), by = number(), min = number(), max = number() } end
    c.counters = all
  end,
  a = function(c)
    local all = {}
    for i = 1, number() do
      local append = { stream = take(), expected = number(), keep = number() }
      local data = {}
      for j = 1, number() do data[j] = take() end
      append.data = data
      all[i] = append
    end
    c.appends = all
  end,
  t = function(c)
    local all = {}
    for i = 1, number() do all[i] = { stream = take(), through = number() } end
    c.trims = all
  end,
  l = function(c) c.lifetime = take() end,
  s = function(c) c.slide = true end,
  x = function(c) c.ends = true end,
}

local function changeFromArguments()
  local c = { key = take(), expect = take() }
  local parts = take()
  for i = 1, #parts do readers[sub(parts, i, i)](c) end
  return c
end

local function commitFromArguments()
  local commit, parts = {}, take()
  for i = 1, #parts do
    local part = sub(parts, i, i)
    if part == 'i' then commit.id, commit.digest = take(), take()
    elseif part == 'c' then commit.id, commit.digest, commit.caller, commit.room = take(), take(), true, number()
    elseif part == 'f' then commit.fence, commit.token = take(), number()
    elseif part == 'q' then
      commit.quota = { records = number(), bytes = number(), kinds = {} }
      for _ = 1, number() do
        local kind = take()
        commit.quota.kinds[kind] = number()
      end
    end
  end
  local changes = {}
  for i = 1, number() do changes[i] = changeFromArguments() end
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

-- Which limit what was decided would break: only what grows can.
local function brokenQuota(commit, account, kinds, plan)
  local quota, growth, order, records = commit.quota, {}, {}, 0
  for _, c in ipairs(commit.changes) do
    local kind = kindOf(c.key)
    if not growth[kind] then
      growth[kind] = 0
      insert(order, kind)
    end
    growth[kind] = growth[kind] + (isLive(c.now, plan.now) and 1 or 0) - (c.wasLive and 1 or 0)
  end
  local function breaks(limit, standing, grown) return limit and grown > 0 and standing + grown > limit end
  for _, kind in ipairs(order) do
    if not isEngineKind(kind) then
      records = records + growth[kind]
      if breaks(quota.kinds[kind], kinds[kind] or 0, growth[kind]) then return { 'quota', 'kind', kind } end
    end
  end
  local standing = 0
  for kind, count in pairs(kinds) do if not isEngineKind(kind) then standing = standing + count end end
  if breaks(quota.records, standing, records) then return { 'quota', 'records' } end
  if breaks(quota.bytes, account[BYTES], plan.bytes) then return { 'quota', 'bytes' } end
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
  if not c.wasLive or c.wasIndexed ~= m[INDEXED] then
    if c.wasPlace then unlist(key, c.wasPlace, c.wasIndexed) end
    enlist(key, m[PLACE], m[INDEXED])
  end
end

-- What all commits of a call share; the account is written once, after the last of them.
local account, kinds, isNew, isChanged, isLower, kindsChanged
local function load()
  local values = call('HMGET', H, 'a', 'k')
  isNew, isChanged, kindsChanged = not values[1], false, false
  account = isNew and newAccount() or unpackm(values[1])
  kinds = values[2] and unpackm(values[2]) or {}
end
local function flush()
  if isChanged then call('HSET', H, 'a', pack(account)) end
  if kindsChanged then call('HSET', H, 'k', pack(kinds)) end
  isChanged, kindsChanged = false, false
end

local function write(commit, plan)
  if isNew then layKeys() end
  isChanged, kindsChanged, isNew = true, kindsChanged or isNew, false
  -- What is made after an erasure closes the door to what was erased.
  if account[RECORDS] == 0 then account[IMPORT_FLOOR] = account[FLOOR] end
  account[PLACES], account[NUMBERS] = account[PLACES] + plan.places, account[NUMBERS] + plan.numbers
  account[BYTES], account[EVENTS] = account[BYTES] + plan.bytes, account[EVENTS] + plan.events
  local sets = plan.sets
  for _, c in ipairs(commit.changes) do
    writeTimes(c, kinds, plan)
    if not c.wasPlace then account[RECORDS] = account[RECORDS] + 1 end
    if c.now[VERSION] > account[TOP] then account[TOP] = c.now[VERSION] end
    sets[#sets + 1] = 'm/' .. c.key
    sets[#sets + 1] = pack(c.now)
  end
  kindsChanged = kindsChanged or plan.kindsChanged
  for _, due in ipairs(plan.due) do
    call('ZADD', D, due[2], due[1])
    if due[2] < account[DUE] then account[DUE], isLower = due[2], true end
  end
  hdel(plan.dels)
  hset(sets)
end

local function refused(refusal, now)
  insert(refusal, 1, now)
  return refusal
end

local function run(commit, now, isRegistered)
  local fields, changes = {}, commit.changes
  if commit.id then fields[1] = 'i/' .. commit.id end
  if commit.fence then fields[#fields + 1] = 'm/' .. commit.fence end
  local first = #fields
  for i = 1, #changes do fields[first + i] = 'm/' .. changes[i].key end
  local values = call('HMGET', H, unpack(fields))

  if commit.id and values[1] then
    local known = outcomeOf(values[1])
    if now < known.forget then return { now, 'known', known.digest, known.at, known.results } end
    commit.replacesCaller = known.caller
  end
  if commit.fence then
    local packed = values[first]
    local fence = packed and unpackm(packed)
    local actual = isLive(fence, now) and fence[VERSION] or false
    if actual ~= commit.token then return { now, 'fence', wide(actual) } end
  end

  local plan = { now = now, places = 0, numbers = 0, bytes = 0, events = 0, sets = {}, dels = {}, due = {} }
  local results = {}
  for i = 1, #changes do
    local packed = values[first + i]
    local refusal = decide(changes[i], packed and unpackm(packed), i - 1, account, plan)
    if refusal then return refused(refusal, now) end
    results[i] = changes[i].result
  end
  if commit.quota then
    settle(now, kinds)
    local refusal = brokenQuota(commit, account, kinds, plan)
    if refusal then return refused(refusal, now) end
  end
  if commit.caller and not hasRoom(commit, now, account) then return { now, 'quota', 'commitIds' } end
  if isNew and not isRegistered then return { now, 'register' } end
  if commit.id then remember(commit, results, account, plan) end
  write(commit, plan)
  return { now, 'ok', results }
end

local isRegistered, count = ARGV[2] == '1', tonumber(ARGV[3])
local commits = {}
for i = 1, count do commits[i] = commitFromArguments() end
local answers, now = {}, timeOf(ARGV[1])
load()
for i = 1, count do
  local done, answer = pcall(run, commits[i], now, isRegistered)
  -- A neighbour's trouble is nobody else's.
  answers[i] = done and answer or { 0, 'failed', type(answer) == 'table' and answer.err or tostring(answer) }
end
flush()
-- Nil would leave the place out, where false says that there is none.
return { answers, isLower and wide(account[DUE]) or false }
`;
