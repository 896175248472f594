-- window_end is quota.Window.End, in microseconds; 0 if the period does not end.
local function window_end(now, length, anchor, days, months)
	local day_length = 24 * 60 * 60 * 1000000
	local day = math.floor(now / day_length)
	if length > 0 and not anchor then
		return now + length
	elseif length > 0 and now < anchor then
		return anchor
	elseif length > 0 then
		return anchor + (math.floor((now - anchor) / length) + 1) * length
	elseif days > 0 then
		local first = days % 7 == 0 and 4 or 0 -- 1970-01-05 was a Monday
		return (math.floor((day - first) / days) * days + first + days) * day_length
	elseif months > 0 then
		-- Years are counted from the first of March of year 0, so that the leap day is their last.
		local z = day + 719468
		local era = math.floor(z / 146097) -- 400 years
		local of_era = z - era * 146097
		local year = math.floor((of_era - math.floor(of_era / 1460) + math.floor(of_era / 36524) - math.floor(of_era / 146096)) / 365)
		local of_year = of_era - (365 * year + math.floor(year / 4) - math.floor(year / 100))
		local month = (era * 400 + year) * 12 + math.floor((5 * of_year + 2) / 153) + 2
		month = math.floor(month / months) * months + months
		-- and back, for the first day of the month
		month = month - 2
		year = math.floor(month / 12)
		era = math.floor(year / 400)
		local in_era = year - era * 400
		of_year = math.floor((153 * (month % 12) + 2) / 5)
		of_era = in_era * 365 + math.floor(in_era / 4) - math.floor(in_era / 100) + of_year
		return (era * 146097 + of_era - 719468) * day_length
	end
	return 0
end
