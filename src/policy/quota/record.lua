-- Write down what a replica let pass without this store, room or no room, as in `take.lua`.
-- KEYS: a cell for each limit. ARGV: interval, burst and requests of each.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
for i = 1, #KEYS do
    local interval, burst = tonumber(ARGV[3 * i - 2]), tonumber(ARGV[3 * i - 1])
    local kept = redis.call('HMGET', KEYS[i], 'arrival', 'interval')
    local spent = 0
    if kept[1] then
        spent = math.max(tonumber(kept[1]) - now, 0)
        if tonumber(kept[2]) ~= interval then
            spent = math.ceil(spent * interval / tonumber(kept[2]))
        end
    end
    spent = math.min(spent + interval * tonumber(ARGV[3 * i]), interval * burst)
    redis.call('HSET', KEYS[i], 'arrival', string.format('%.0f', now + spent), 'interval', string.format('%.0f', interval))
    redis.call('PEXPIRE', KEYS[i], math.ceil(spent / 1000) + 1000)
end
return 0
