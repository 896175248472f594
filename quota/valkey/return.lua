-- Returns units of the counter KEYS[1], and answers its recalls. The fields are those of the script that draws.
local key = KEYS[1]
local me, epoch, period, units = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local channel, counter, command = ARGV[5], ARGV[6], tonumber(ARGV[7])
local keeps, muted = ARGV[8] == '1', tonumber(ARGV[9]) -- of slices up to which units may have been returned already

local function text(n) return string.format('%.0f', n) end

local values = redis.call('HMGET', key, 'p', 'r', 'w', 'h:' .. me, 'q:' .. me, 'o:' .. me)
if not values[1] or values[5] and command < tonumber(values[5]) then
	return 0
end

-- The slice of a period that is over. One that began before the replica's epoch has the epoch's number for it.
local function slice_of(period)
	local name = 's:' .. text(period)
	local slice = redis.call('HGET', key, name)
	if slice or period ~= epoch then
		return name, slice
	end
	local began = 0
	local all = redis.call('HGETALL', key)
	for i = 1, #all, 2 do
		local other = tonumber(string.match(all[i], '^s:(%d+)$'))
		if other and other <= epoch and other > began then
			name, slice, began = all[i], all[i + 1], other
		end
	end
	return name, slice
end

local share, name, slice = tonumber(values[4] or '0'), nil, nil
if period == math.max(tonumber(values[1]), epoch) then
	share = math.max(0, share - units)
else
	name, slice = slice_of(period)
end
if not values[4] and not values[6] and not slice then
	return 0
end
if slice and period > muted then
	local over, had = string.match(slice, '^(%d+) (%d+)$')
	redis.call('HSET', key, name, over .. ' ' .. text(math.max(0, tonumber(had) - units)))
end
if share > 0 then
	redis.call('HSET', key, 'h:' .. me, text(share))
else
	redis.call('HDEL', key, 'h:' .. me)
end
if not keeps then
	redis.call('HDEL', key, 'o:' .. me)
	redis.call('HSET', key, 'a:' .. me, values[2])
end
local time = redis.call('TIME')
if values[3] and time[1] * 1000000 + time[2] - values[3] < 60000000 then
	redis.call('PUBLISH', channel, counter)
end
return 1
