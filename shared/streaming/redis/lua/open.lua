-- Begin to own a partition: make sure its groups exist, and give what is stored.
-- KEYS: lease, state, position, read streams   ARGV: lease value, lease ms, group, consumer, topics of the read streams
-- { states, positions, whether entries were ever finished here } as names and values in turn, and 1|0 | nil: another owner
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return false end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
local begun = redis.call('EXISTS', KEYS[3])
for i = 4, #KEYS do
  -- A group that went away is made again where its commits ended, a new one at the very start.
  local position = redis.call('HGET', KEYS[3], ARGV[i + 1]) or '0'
  local made = redis.pcall('XGROUP', 'CREATE', KEYS[i], ARGV[3], position, 'MKSTREAM')
  if type(made) == 'table' and made.err and not string.find(made.err, 'BUSYGROUP', 1, true) then return made end
  for _, info in ipairs(redis.call('XINFO', 'GROUPS', KEYS[i])) do
    local row = {}
    for f = 1, #info, 2 do row[info[f]] = info[f + 1] end
    if row['name'] == ARGV[3] and row['entries-read'] and row['entries-read'] > row['pending'] then begun = 1 end
  end
  -- Whatever somebody read by hand under another name is ours too.
  local consumers = redis.call('XPENDING', KEYS[i], ARGV[3])[4]
  for _, consumer in ipairs(consumers or {}) do
    if consumer[1] ~= ARGV[4] then
      local cursor = '-'
      repeat
        local page = redis.call('XPENDING', KEYS[i], ARGV[3], cursor, '+', 500, consumer[1])
        for _, entry in ipairs(page) do
          redis.call('XCLAIM', KEYS[i], ARGV[3], ARGV[4], 0, entry[1], 'JUSTID')
          cursor = '(' .. entry[1]
        end
      until #page == 0
    end
  end
end
return { redis.call('HGETALL', KEYS[2]), redis.call('HGETALL', KEYS[3]), begun }
