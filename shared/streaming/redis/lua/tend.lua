-- Renew a lease and count what is pending.
-- KEYS: lease, read streams   ARGV: lease value, lease ms, group
-- pending entries | -1: another owner
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return -1 end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
local pending = 0
for i = 2, #KEYS do pending = pending + redis.call('XPENDING', KEYS[i], ARGV[3])[1] end
return pending
