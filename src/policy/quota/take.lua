-- Charge all limits of a call or none, unless a bucket of the vendor is empty. GCRA in whole microseconds of the store's
-- own clock, so that the clocks of replicas do not matter.
-- KEYS: what the vendor said of the account, then a cell for each limit.
-- ARGV: 1 to refuse while the vendor's bucket is empty, else 0; then interval and burst of each limit.
-- Answer: {refusing limit or 0 or -1 for the vendor, {remaining, wait in microseconds}…, {scope, limit, remaining,
-- milliseconds left, window}…}; of a refusal the one pair of the refusing limit.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]

local vendor, empty = {}, false
local said = redis.call('HGETALL', KEYS[1])
for i = 1, #said, 2 do
    local limit, remaining, ends, window = string.match(said[i + 1], '(%d+) (%d+) (%d+) (%d+)')
    local left = tonumber(ends) - math.floor(now / 1000)
    if left > 0 then
        vendor[#vendor + 1] = {said[i], tonumber(limit), tonumber(remaining), left, tonumber(window)}
        empty = empty or tonumber(remaining) == 0
    end
end
if empty and ARGV[1] == '1' then
    return {-1, {}, vendor}
end

local function standing(capacity, spent, interval, burst)
    local left = capacity - spent
    local remaining = math.floor(left / interval)
    if remaining >= burst then
        return {remaining, 0}
    end
    return {remaining, interval - left % interval}
end

local cells, refusing, longest = {}, 0, -1
for i = 2, #KEYS do
    local interval, burst = tonumber(ARGV[2 * i - 2]), tonumber(ARGV[2 * i - 1])
    local kept = redis.call('HMGET', KEYS[i], 'arrival', 'interval')
    local spent = 0
    if kept[1] then
        spent = math.max(tonumber(kept[1]) - now, 0)
        -- Under another rate than before, as many requests as before.
        if tonumber(kept[2]) ~= interval then
            spent = math.ceil(spent * interval / tonumber(kept[2]))
        end
    end
    local capacity = interval * burst
    spent = math.min(spent, capacity)
    local stands = standing(capacity, spent, interval, burst)
    if stands[1] == 0 and stands[2] > longest then
        refusing, longest = i - 1, stands[2]
    end
    cells[#cells + 1] = {key = KEYS[i], interval = interval, burst = burst, capacity = capacity, spent = spent}
end
if refusing > 0 then
    return {refusing, {{0, longest}}, vendor}
end

local standings = {}
for _, cell in ipairs(cells) do
    local spent = cell.spent + cell.interval
    local arrival = string.format('%.0f', now + spent)
    redis.call('HSET', cell.key, 'arrival', arrival, 'interval', string.format('%.0f', cell.interval))
    redis.call('PEXPIRE', cell.key, math.ceil(spent / 1000) + 1000)
    standings[#standings + 1] = standing(cell.capacity, spent, cell.interval, cell.burst)
end
return {0, standings, vendor}
