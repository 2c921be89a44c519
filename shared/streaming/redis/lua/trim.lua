-- Delete what every group has finished and nobody wants to look at any more.
-- KEYS: stream, marks, turn, positions of the groups that fold again
-- ARGV: field of the marks, entries to keep, cap, turn ms, groups that must exist (separated by spaces),
--       groups that fold again (one per position key)
-- { deleted, length, slowest group, over the cap 1|0, deleted unread } | nil: not our turn
if not redis.call('SET', KEYS[3], '1', 'PX', ARGV[4], 'NX') then return false end
if redis.call('EXISTS', KEYS[1]) == 0 then return { 0, 0, '', 0, 0 } end
local function split(id)
  local ms, seq = string.match(id, '(%d+)-?(%d*)')
  return tonumber(ms), tonumber(seq) or 0
end
local function before(a, b)
  local am, as = split(a)
  local bm, bs = split(b)
  return am < bm or (am == bm and as < bs)
end

local info, stream = redis.call('XINFO', 'STREAM', KEYS[1]), {}
for f = 1, #info, 2 do stream[info[f]] = info[f + 1] end
local floor, slowest, seen = stream['last-generated-id'], '', {}
local function lower(id, group)
  if before(id, floor) or slowest == '' then
    if before(id, floor) then floor = id end
    slowest = group
  end
end
for _, row in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
  local group = {}
  for f = 1, #row, 2 do group[row[f]] = row[f + 1] end
  seen[group['name']] = true
  lower(group['last-delivered-id'], group['name'])
  local head = redis.call('XPENDING', KEYS[1], group['name'], '-', '+', 1)[1]
  if head then lower(head[1], group['name']) end
end
for group in string.gmatch(ARGV[5], '%S+') do
  if not seen[group] then lower('0-0', group) end
end
for i = 4, #KEYS do
  -- `floor` is where folding again begins: entries up to it are inside a checkpoint.
  local again = redis.call('HGET', KEYS[i], 'floor')
  if again then lower(again, ARGV[i + 2]) end
end

-- Marks say which id was the newest when so many entries had been added: that tells how many came after an id
-- without reading any.
local keep, added = tonumber(ARGV[2]), stream['entries-added']
local marks, recent = {}, nil
for id, count in string.gmatch(redis.call('HGET', KEYS[2], ARGV[1]) or '', '(%S+) (%d+)') do
  if tonumber(count) <= added then marks[#marks + 1] = { id, tonumber(count) } end
end
while marks[1] and added - marks[1][2] >= keep do recent = table.remove(marks, 1) end
if not marks[1] or added - marks[#marks][2] >= keep / 8 then
  marks[#marks + 1] = { stream['last-generated-id'], added }
end
local text = {}
if recent then text[1] = recent[1] .. ' ' .. recent[2] end
for _, mark in ipairs(marks) do text[#text + 1] = mark[1] .. ' ' .. mark[2] end
redis.call('HSET', KEYS[2], ARGV[1], table.concat(text, ' '))

local deleted = 0
if recent then
  local last = floor
  if before(recent[1], floor) then last = recent[1] end
  deleted = redis.call('XTRIM', KEYS[1], 'MINID', last)
end

-- The cap: told of first, applied only when nothing was done about it until the next turn.
local cap, length, over, unread = tonumber(ARGV[3]), redis.call('XLEN', KEYS[1]), 0, 0
local warned = ARGV[1] .. ':warned'
if length > cap then
  over = 1
  if redis.call('HGET', KEYS[2], warned) then
    unread = redis.call('XTRIM', KEYS[1], 'MAXLEN', cap)
    length = cap
  else
    redis.call('HSET', KEYS[2], warned, '1')
  end
else
  redis.call('HDEL', KEYS[2], warned)
end
return { deleted, length, slowest, over, unread }
