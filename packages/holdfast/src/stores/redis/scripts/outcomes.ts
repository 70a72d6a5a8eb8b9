/**
 * Outcomes of commit ids. A caller's is kept until its time is over. An internal one is kept as long as one of the
 * records it named counts it among its newest 64, at most until a sweep finds that record's ring out of time.
 *
 * A value is a number that is never used again, a space, and MessagePack: digest, time, when to forget it, results,
 * whether it is a caller's.
 */
export const outcomes = `
local RING_SIZE, INTERNAL_MS, CALLER_MS, SLACK_MS = 64, 600000, 86400000, 60000

local function outcomeOf(value)
  local number, packed = match(value, '^(%d+) (.*)$')
  local o = unpackm(packed)
  return { number = number, digest = o[1], at = o[2], forget = o[3], results = o[4], caller = o[5] }
end

-- Lets one ring go of an id; the last one to do so forgets it. 'slot' is what the ring held.
local function release(slot)
  local number, single, id = match(slot, '^(%d+) (%d) (.*)$')
  local value = holds('i/' .. id)
  -- The id may have been given a new outcome since its old one was forgotten.
  if not value or sub(value, 1, #number + 1) ~= number .. ' ' then return end
  if single == '0' then
    local rings = tonumber(holds('h/' .. id) or 0) - 1
    put('h/' .. id, rings > 0 and whole(rings))
    if rings > 0 then return end
  end
  put('i/' .. id, false)
end

-- Forgets a caller's id whose time is over. The account is changed, and not yet written.
local function forgetCaller(id, now, account)
  local value = holds('i/' .. id)
  local outcome = value and outcomeOf(value)
  if not outcome or not outcome.caller or now < outcome.forget then return end
  put('i/' .. id, false)
  account[CALLER_IDS] = account[CALLER_IDS] - 1
end

-- Whether one more id of a caller fits, once those past their time are gone.
local function hasRoom(commit, now, account)
  if account[CALLER_IDS] < commit.room then return true end
  local from, before = 0, account[CALLER_IDS]
  while true do
    local due = call('ZRANGEBYSCORE', D, '-inf', now, 'LIMIT', from, 500)
    for _, member in ipairs(due) do
      if sub(member, 1, 2) == 'i/' then
        forgetCaller(sub(member, 3), now, account)
        call('ZREM', D, member)
      else
        from = from + 1
      end
    end
    if #due < 500 then break end
  end
  if account[CALLER_IDS] < before then call('HSET', H, 'a', pack(account)) end
  -- If it was remembered, it has just been forgotten.
  commit.replacesCaller = false
  return account[CALLER_IDS] < commit.room
end

-- Plans the outcome of a commit whose changes are decided.
local function remember(commit, results, account, plan)
  local id, caller, changes, sets = commit.id, commit.caller, commit.changes, plan.sets
  account[OUTCOMES] = account[OUTCOMES] + 1
  local number = whole(account[OUTCOMES])
  local forget = plan.now + (caller and CALLER_MS or INTERNAL_MS)
  -- What was known of the id is past its time.
  if holds('i/' .. id) then insert(plan.dels, 'h/' .. id) end
  sets[#sets + 1] = 'i/' .. id
  sets[#sets + 1] = number .. ' ' .. pack({ commit.digest, plan.now, forget, results, caller })
  if commit.replacesCaller then account[CALLER_IDS] = account[CALLER_IDS] - 1 end
  if caller then
    account[CALLER_IDS] = account[CALLER_IDS] + 1
    insert(plan.due, { 'i/' .. id, forget })
    return
  end
  local single = #changes == 1
  if not single then
    sets[#sets + 1] = 'h/' .. id
    sets[#sets + 1] = tostring(#changes)
  end
  for i = 1, #changes do
    local m = changes[i].now
    m[RING] = (m[RING] + 1) % RING_SIZE
    local field = 'r/' .. m[NO] .. '/' .. m[RING]
    local displaced = holds(field)
    if displaced then release(displaced) end
    sets[#sets + 1] = field
    sets[#sets + 1] = number .. (single and ' 1 ' or ' 0 ') .. id
    if forget > m[RING_DUE] then
      -- Looked at a little later than needed, so that not every commit has to move it.
      m[RING_DUE] = forget + SLACK_MS
      insert(plan.due, { 'r/' .. m[NO], m[RING_DUE] })
    end
  end
end
`;
