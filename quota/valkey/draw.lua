-- Draws a share of the counter KEYS[1], a hash with these fields:
--
--	p  the number of the period: when it began, in microseconds
--	e  when it ends, in microseconds; 0 for never
--	u  what was used in it, shares aside
--	r  the number of the last recall
--	w  when somebody was last asked to wait for a recall
--	h:REPLICA/EPOCH  the share of a replica
--	a:REPLICA/EPOCH  the last recall that it has answered
--	q:REPLICA/EPOCH  the number of the command that has settled its share: those before it come too late
--
-- The result is empty if the command comes too late. Otherwise it is units, left, used, period, rest of the period, recall, whether the share has a recall to answer, and
-- the holders of the shares that are waited for.
local key = KEYS[1]
local limit, need, want, recall = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local replica, epoch, parallel = ARGV[5], ARGV[6], ARGV[7] == '1'
local length, anchor, days, months = tonumber(ARGV[8]), tonumber(ARGV[9]), tonumber(ARGV[10]), tonumber(ARGV[11])
local channel, counter, idle = ARGV[12], ARGV[13], tonumber(ARGV[14])
local command, ahead = tonumber(ARGV[15]), tonumber(ARGV[16])
local me = replica .. '/' .. epoch

local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local ends = window_end(now, length, anchor, days, months)

local function text(n) return string.format('%.0f', n) end

local fields, shares, acked, answers = {}, {}, {}, 0
local all = redis.call('HGETALL', key)
for i = 1, #all, 2 do
	local kind, holder = string.sub(all[i], 1, 2), string.sub(all[i], 3)
	if kind == 'h:' then
		shares[holder] = tonumber(all[i + 1])
	elseif kind == 'a:' then
		acked[holder] = tonumber(all[i + 1])
		answers = answers + 1
	elseif kind == 'q:' then
		if holder == me and command < tonumber(all[i + 1]) then
			return {}
		end
	else
		fields[all[i]] = tonumber(all[i + 1])
	end
end

local period, used, recalled = fields.p or 0, fields.u or 0, fields.r or 0
local changed = false
if not fields.p or fields.e ~= 0 and fields.e <= now then
	redis.call('DEL', key)
	period, used, shares, acked = math.max(now, period + 1), 0, {}, {}
	fields.e = ends
	changed = true
elseif fields.e ~= ends and not (length > 0 and not anchor and fields.e ~= 0 and fields.e < ends) then
	fields.e = ends -- the window has changed
	changed = true
end

local function drop(holder)
	if not parallel then
		used = used + shares[holder] -- nobody knows how many calls were made
	end
	shares[holder] = nil
	redis.call('HDEL', key, 'h:' .. holder, 'a:' .. holder, 'q:' .. holder)
	changed = true
end
for i = 17, #ARGV do
	if shares[ARGV[i]] then
		drop(ARGV[i])
	end
end

local held, waiting = shares[me] or 0, {}
local mine = replica .. '/'
for holder, units in pairs(shares) do
	if holder ~= me then
		if string.sub(holder, 1, #mine) == mine and not string.find(holder, '/', #mine + 1, true) then
			drop(holder) -- it is of this replica, before it was started again
		else
			held = held + units
			if units > 0 and (recall == 0 or (acked[holder] or 0) < recall) then
				waiting[#waiting + 1] = holder
			end
		end
	end
end

if answers > 100 then -- most are of replicas that do not exist any more
	for holder in pairs(acked) do
		if not shares[holder] then
			redis.call('HDEL', key, 'a:' .. holder, 'q:' .. holder)
			acked[holder] = nil
		end
	end
end

local left = limit - used - held
local units, answer, late = 0, 0, 0
if left >= need then
	units = math.min(math.max(want, need), left)
	left = left - units
	shares[me] = (shares[me] or 0) + units
	redis.call('HSET', key, 'h:' .. me, text(shares[me]))
	if units ~= math.max(want, need) - ahead and acked[me] then
		acked[me] = nil -- it may have units that it does not need
		redis.call('HDEL', key, 'a:' .. me)
	end
	if (acked[me] or 0) < recalled and fields.w and now - fields.w < 2000000 then
		late = 1
	end
	waiting = {}
elseif #waiting > 0 then
	answer = recall
	if recall == 0 then
		recalled = recalled + 1
		answer = recalled
		changed = true
		for _, holder in ipairs(waiting) do
			redis.call('PUBLISH', channel .. string.match(holder, '^(.*)/'), counter)
		end
	end
	redis.call('HSET', key, 'w', text(now))
end
if changed then
	redis.call('HSET', key, 'p', text(period), 'u', text(used), 'e', text(fields.e), 'r', text(recalled))
end
if fields.e > 0 then
	if changed then
		redis.call('PEXPIREAT', key, text(math.ceil(fields.e / 1000) + 60000))
	end
elseif parallel then
	redis.call('PEXPIRE', key, idle)
elseif changed then
	redis.call('PERSIST', key)
end

local rest = fields.e > 0 and fields.e - now or 0
local result = {units, left, used, math.max(period, tonumber(epoch)), rest, answer, late}
for _, holder in ipairs(waiting) do
	result[#result + 1] = holder
end
return result
