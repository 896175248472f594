-- Begins a new epoch of the replica whose sign of life is KEYS[1]: all shares of earlier ones are those of a dead
-- replica. The result is the epoch, the time in microseconds.
local time = redis.call('TIME')
local epoch = math.max(time[1] * 1000000 + time[2], tonumber(redis.call('GET', KEYS[1]) or 0) + 1)
redis.call('SET', KEYS[1], string.format('%.0f', epoch), 'PX', ARGV[1])
redis.call('PUBLISH', ARGV[2], '')
return epoch
