-- Returns units of the counter KEYS[1], and answers its recalls. The fields are those of the script that draws.
local key = KEYS[1]
local me, epoch, period, units = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local channel, counter, command = ARGV[5], ARGV[6], tonumber(ARGV[7])

local values = redis.call('HMGET', key, 'p', 'r', 'w', 'h:' .. me, 'q:' .. me)
if not values[1] or not values[4] or values[5] and command < tonumber(values[5]) then
	return 0
end
local share = tonumber(values[4])
if period == math.max(tonumber(values[1]), epoch) then
	share = math.max(0, share - units)
end
if share > 0 then
	redis.call('HSET', key, 'h:' .. me, string.format('%.0f', share), 'a:' .. me, values[2])
else
	redis.call('HDEL', key, 'h:' .. me)
	redis.call('HSET', key, 'a:' .. me, values[2])
end
local time = redis.call('TIME')
if values[3] and time[1] * 1000000 + time[2] - values[3] < 60000000 then
	redis.call('PUBLISH', channel, counter)
end
return 1
