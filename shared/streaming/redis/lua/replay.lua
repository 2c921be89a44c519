-- Put a dead entry back where it lay and take its letter away, both or neither.
-- KEYS: dead, original stream   ARGV: letter id, names and values...
-- id of the entry | nil: the letter is gone already
if redis.call('XDEL', KEYS[1], ARGV[1]) == 0 then return false end
return redis.call('XADD', KEYS[2], '*', unpack(ARGV, 2))
