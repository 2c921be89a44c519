-- Find the first group that has not finished what lies before it.
-- KEYS: streams, one per pair   ARGV: groups, one per pair
-- nil: all have | { pair number, pending, last delivered, last entry }
local last, groups = {}, {}
for i = 1, #KEYS do
  local key = KEYS[i]
  if not groups[key] then
    groups[key] = {}
    if redis.call('EXISTS', key) == 1 then
      for _, info in ipairs(redis.call('XINFO', 'GROUPS', key)) do
        local row = {}
        for f = 1, #info, 2 do row[info[f]] = info[f + 1] end
        groups[key][row['name']] = row
      end
      local newest = redis.call('XREVRANGE', key, '+', '-', 'COUNT', 1)[1]
      last[key] = newest and newest[1]
    end
  end
  local row = groups[key][ARGV[i]]
  if last[key] then
    if not row then return { i, 0, '', last[key] } end
    local delivered = row['last-delivered-id']
    if row['pending'] > 0 or delivered ~= last[key] then
      -- Ids compare as numbers; a group may stand past a last entry that was deleted.
      local dm, ds = string.match(delivered, '(%d+)-(%d+)')
      local lm, ls = string.match(last[key], '(%d+)-(%d+)')
      dm, ds, lm, ls = tonumber(dm), tonumber(ds), tonumber(lm), tonumber(ls)
      if row['pending'] > 0 or dm < lm or (dm == lm and ds < ls) then
        return { i, row['pending'], delivered, last[key] }
      end
    end
  end
end
return false
