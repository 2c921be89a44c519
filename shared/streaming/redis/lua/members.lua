-- Show that a replica lives, and name all that do.
-- KEYS: members   ARGV: replica, life ms
-- names in order of the alphabet
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - ARGV[2])
redis.call('ZADD', KEYS[1], now, ARGV[1])
local names = redis.call('ZRANGE', KEYS[1], 0, -1)
table.sort(names)
return names
