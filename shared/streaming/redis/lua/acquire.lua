-- Take a partition's lease when it is free. The token grows with every owner, so an older one is told apart.
-- KEYS: lease, fence   ARGV: owner, lease ms
-- lease value | nil: somebody holds it
if redis.call('EXISTS', KEYS[1]) == 1 then return false end
local value = redis.call('INCR', KEYS[2]) .. '|' .. ARGV[1]
redis.call('SET', KEYS[1], value, 'PX', ARGV[2])
return value
