-- Count how far behind the slowest group is, up to a bound.
-- KEYS: stream   ARGV: bound, groups
-- { group, entries not yet committed by it }
local slowest, most = '', 0
if redis.call('EXISTS', KEYS[1]) == 0 then return { slowest, most } end
local rows = {}
for _, info in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
  local row = {}
  for f = 1, #info, 2 do row[info[f]] = info[f + 1] end
  rows[row['name']] = row
end
for i = 2, #ARGV do
  local row, behind = rows[ARGV[i]], nil
  if not row then
    behind = redis.call('XLEN', KEYS[1])
  else
    behind = row['lag']
    if not behind then
      behind = #redis.call('XRANGE', KEYS[1], '(' .. row['last-delivered-id'], '+', 'COUNT', ARGV[1])
    end
    behind = behind + row['pending']
  end
  if behind > most then slowest, most = ARGV[i], behind end
end
return { slowest, most }
