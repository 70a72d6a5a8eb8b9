/**
 * Fields of an owner's hash, for the length of one call: what was looked at is remembered, what changes is written
 * together at the end. So commits of one call see each other's changes, several of one record write it once, and what
 * many of them need is fetched at once: entering Redis from Lua costs more than most of what is done there.
 */
export const fields = `
-- false stands for a field that is not there; 'changes' names those that may differ from what Redis has.
local held, changes = {}, {}

local function holds(field)
  local value = held[field]
  if value == nil then
    value = call('HGET', H, field)
    held[field] = value
  end
  return value
end

-- Has all of these looked at.
local function look(wanted)
  local missing = {}
  for i = 1, #wanted do
    local field = wanted[i]
    if held[field] == nil then
      held[field] = false
      missing[#missing + 1] = field
    end
  end
  if #missing == 0 then return end
  local values = hmget(missing)
  for i = 1, #missing do held[missing[i]] = values[i] end
end

-- 'value' is a text, or false to have the field go.
local function put(field, value)
  held[field] = value
  changes[#changes + 1] = field
end

-- Once, at the end of a call.
local function writeFields()
  local sets, dels = {}, {}
  for i = 1, #changes do
    local field = changes[i]
    local value = held[field]
    if value then
      sets[#sets + 1] = field
      sets[#sets + 1] = value
    elseif value == false then
      dels[#dels + 1] = field
    end
    -- What was changed again is written as it is now, and once.
    held[field] = nil
  end
  hdel(dels)
  hset(sets)
end
`;
