-- Renews the sign of life KEYS[1] if it is still there and of the same epoch: a dead replica stays dead, because its
-- shares may have been given to others. With a lifetime of 0, it ends.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
	return 0
end
if ARGV[2] == '0' then
	redis.call('DEL', KEYS[1])
	redis.call('PUBLISH', ARGV[3], '')
else
	redis.call('PEXPIRE', KEYS[1], ARGV[2])
end
return 1
