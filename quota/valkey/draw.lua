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
-- and, for a window that slides, whose periods are slices:
--
--	s:PERIOD  a slice that is over and may still count: when it ended, and its units
--	o:REPLICA/EPOCH  when the slice ended in which a replica has last drawn, if it may have units of it that it does not need
--
-- The result is empty if the command comes too late. Otherwise it is units, left, used, period, rest of the period, recall, whether the share has a recall to answer, how
-- long it takes until units of a sliding window are free, and the holders of the shares that are waited for.
local key = KEYS[1]
local limit, need, want, recall = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local replica, epoch, parallel = ARGV[5], ARGV[6], ARGV[7] == '1'
local length, anchor, days, months = tonumber(ARGV[8]), tonumber(ARGV[9]), tonumber(ARGV[10]), tonumber(ARGV[11])
local channel, counter, idle = ARGV[12], ARGV[13], tonumber(ARGV[14])
local command, ahead = tonumber(ARGV[15]), tonumber(ARGV[16])
local span, debt = tonumber(ARGV[17]), tonumber(ARGV[18]) -- how long a slice counts; 0 if the window does not slide
local dead = 19 -- the first of the dead holders
local me = replica .. '/' .. epoch

local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local ends = window_end(now, length, anchor, days, months)

local function text(n) return string.format('%.0f', n) end

local fields, shares, acked, answers = {}, {}, {}, 0
local slices, older = {}, {}
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
	elseif kind == 's:' then
		local over, units = string.match(all[i + 1], '^(%d+) (%d+)$')
		slices[holder] = {tonumber(over), tonumber(units)}
	elseif kind == 'o:' then
		older[holder] = tonumber(all[i + 1])
	else
		fields[all[i]] = tonumber(all[i + 1])
	end
end

local period, used, recalled = fields.p or 0, fields.u or 0, fields.r or 0
local changed = false
if not fields.p or fields.e ~= 0 and fields.e <= now then
	if span > 0 and fields.p and fields.e ~= 0 then
		local sum = used
		for holder, units in pairs(shares) do
			sum = sum + units
			older[holder] = fields.e
			redis.call('HDEL', key, 'h:' .. holder)
			redis.call('HSET', key, 'o:' .. holder, text(fields.e))
		end
		if sum > 0 then
			slices[text(period)] = {fields.e, sum}
			redis.call('HSET', key, 's:' .. text(period), text(fields.e) .. ' ' .. text(sum))
		end
		for number, slice in pairs(slices) do
			if slice[1] + span <= now then
				redis.call('HDEL', key, 's:' .. number)
			end
		end
		for holder, over in pairs(older) do
			if over + span <= now then
				redis.call('HDEL', key, 'o:' .. holder)
			end
		end
	else
		redis.call('DEL', key)
		acked, slices, older = {}, {}, {}
	end
	period, used, shares = math.max(now, period + 1), 0, {}
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
local function forget(holder)
	older[holder] = nil
	redis.call('HDEL', key, 'o:' .. holder)
end
for i = dead, #ARGV do
	if shares[ARGV[i]] then
		drop(ARGV[i])
	end
	if older[ARGV[i]] then
		forget(ARGV[i])
	end
end
if debt > 0 then
	shares[me] = (shares[me] or 0) + debt
	redis.call('HSET', key, 'h:' .. me, text(shares[me]))
end

local held, waiting = shares[me] or 0, {}
local mine = replica .. '/'
local function earlier(holder) return string.sub(holder, 1, #mine) == mine and not string.find(holder, '/', #mine + 1, true) end
for holder, units in pairs(shares) do
	if holder ~= me then
		if earlier(holder) then
			drop(holder) -- it is of this replica, before it was started again
		else
			held = held + units
			if units > 0 and (recall == 0 or (acked[holder] or 0) < recall) then
				waiting[#waiting + 1] = holder
			end
		end
	end
end

local past, counting = 0, {}
if span > 0 then
	for _, slice in pairs(slices) do
		if slice[1] + span > now then
			past = past + slice[2]
			counting[#counting + 1] = slice
		end
	end
	for holder, over in pairs(older) do
		if holder ~= me and over + span > now then
			if earlier(holder) then
				forget(holder)
			elseif (shares[holder] or 0) == 0 and (recall == 0 or (acked[holder] or 0) < recall) then
				waiting[#waiting + 1] = holder
			end
		end
	end
end

if answers > 100 then -- most are of replicas that do not exist any more
	for holder in pairs(acked) do
		if not shares[holder] and not older[holder] then
			redis.call('HDEL', key, 'a:' .. holder, 'q:' .. holder)
			acked[holder] = nil
		end
	end
end

local left = limit - used - held - past
local lack = need - left
local units, answer, late = 0, 0, 0
if left >= need then
	units = math.min(math.max(want, need), left)
	left = left - units
	shares[me] = (shares[me] or 0) + units
	redis.call('HSET', key, 'h:' .. me, text(shares[me]))
	if older[me] then
		forget(me) -- its share of that slice was returned before
	end
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
		redis.call('PEXPIREAT', key, text(math.ceil((fields.e + span) / 1000) + 60000))
	end
elseif parallel then
	redis.call('PEXPIRE', key, idle)
elseif changed then
	redis.call('PERSIST', key)
end

local rest = fields.e > 0 and fields.e - now or 0
local frees = 0
if span > 0 then
	local open = used
	for _, n in pairs(shares) do
		open = open + n
	end
	counting[#counting + 1] = {fields.e, open}
	table.sort(counting, function(a, b) return a[1] < b[1] end)
	for _, slice in ipairs(counting) do
		if slice[2] > 0 then
			frees = slice[1] + span - now
			lack = lack - slice[2]
			if lack <= 0 then
				break
			end
		end
	end
end
local result = {units, left, used, math.max(period, tonumber(epoch)), rest, answer, late, frees}
for _, holder in ipairs(waiting) do
	result[#result + 1] = holder
end
return result
