-- Makes the share of the counter KEYS[1] what its replica knows that it has, after the answer to a command was lost.
-- Commands before this one, which may still be under way, come too late. The fields are those of the script that draws.
local key = KEYS[1]
local me, epoch, period, units, command = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4]), ARGV[5]
local channel, counter, idle = ARGV[6], ARGV[7], ARGV[8]

local current = redis.call('HGET', key, 'p')
redis.call('HSET', key, 'q:' .. me, command)
if not current then
	redis.call('PEXPIRE', key, idle)
	return 0
end
if units > 0 and period == math.max(tonumber(current), epoch) then
	redis.call('HSET', key, 'h:' .. me, ARGV[4])
else
	redis.call('HDEL', key, 'h:' .. me)
end
redis.call('PUBLISH', channel, counter)
return 1
