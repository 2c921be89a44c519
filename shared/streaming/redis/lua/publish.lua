-- Publish events from outside, each at most once and never backwards.
-- KEYS: published, streams
-- ARGV: ids remembered, n events: { key number, memory field, id, ts, seq, ordered 1|0, count, names and values... }
-- per event: 1 published | 0 seen before | -1 older than what is out already
local keep, events = tonumber(ARGV[1]), tonumber(ARGV[2])
local memories = {}

-- Stamps in ns are beyond what a Lua number holds exactly.
local function earlier(a, b)
  if #a ~= #b then return #a < #b end
  return a < b
end

local function recall(field)
  local memory = memories[field]
  if memory then return memory end
  memory = { ids = {}, seen = {} }
  local words = string.gmatch(redis.call('HGET', KEYS[1], field) or '', '%S+')
  memory.ts, memory.seq = words(), words()
  for id in words do
    memory.ids[#memory.ids + 1] = id
    memory.seen[id] = true
  end
  memories[field] = memory
  return memory
end

local at, answer = 3, {}
for i = 1, events do
  local memory, id, ts, seq, count = recall(ARGV[at + 1]), ARGV[at + 2], ARGV[at + 3], ARGV[at + 4], tonumber(ARGV[at + 6])
  local behind = memory.ts and (earlier(ts, memory.ts) or earlier(seq, memory.seq))
  if memory.seen[id] then
    answer[i] = 0
  elseif behind and ARGV[at + 5] == '1' then
    answer[i] = -1
  else
    answer[i] = 1
    redis.call('XADD', KEYS[tonumber(ARGV[at]) + 1], '*', unpack(ARGV, at + 7, at + 6 + count))
    if not memory.ts or not earlier(ts, memory.ts) then memory.ts = ts end
    if not memory.seq or not earlier(seq, memory.seq) then memory.seq = seq end
    memory.ids[#memory.ids + 1] = id
    memory.seen[id] = true
    memory.changed = true
  end
  at = at + 7 + count
end

for field, memory in pairs(memories) do
  if memory.changed then
    local first = math.max(1, #memory.ids - keep + 1)
    redis.call('HSET', KEYS[1], field, memory.ts .. ' ' .. memory.seq .. ' ' .. table.concat(memory.ids, ' ', first))
  end
end
return answer
