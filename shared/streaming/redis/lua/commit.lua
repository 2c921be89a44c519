-- Ack, produce and checkpoint in one step, for the holder of the lease only.
-- KEYS: lease, state, position, read stream, written streams
-- ARGV: lease value, lease ms, group, topic,
--       n ids, ids...                 the entries this finishes, in order, all of one read: nothing lies between them
--       n checkpoints, { book, state }
--       n positions, { field, value }
--       n outputs, { key number, count, names and values... }
-- OK | LOST: another owner | GAP: older entries are pending, or the broker forgot ours | REPEAT: it was committed before
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 'LOST' end
local position, stream, group, topic, count = KEYS[3], KEYS[4], ARGV[3], ARGV[4], tonumber(ARGV[5])
local last = ARGV[5 + count]

local head = redis.call('XPENDING', stream, group, '-', '+', 1)[1]
if not head or head[1] ~= ARGV[6] then
  if redis.call('HGET', position, topic) == last then return 'REPEAT' end
  return 'GAP'
end
redis.call('XACK', stream, group, unpack(ARGV, 6, 5 + count))
redis.call('HSET', position, topic, last)

local at = 6 + count
local function store(key)
  local pairs_here = tonumber(ARGV[at])
  at = at + 1
  for _ = 1, pairs_here do
    redis.call('HSET', key, ARGV[at], ARGV[at + 1])
    at = at + 2
  end
end
store(KEYS[2])
store(position)

local outputs = tonumber(ARGV[at])
at = at + 1
for _ = 1, outputs do
  local size = tonumber(ARGV[at + 1])
  redis.call('XADD', KEYS[tonumber(ARGV[at])], '*', unpack(ARGV, at + 2, at + 1 + size))
  at = at + 2 + size
end

redis.call('PEXPIRE', KEYS[1], ARGV[2])
return 'OK'
