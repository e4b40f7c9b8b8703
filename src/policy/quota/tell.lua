-- Write down what a vendor said of an account. Answers overtake each other: of one window the lowest remainder is the
-- last word, and a window that ends later is a newer one, as in `account/budget.rs`.
-- KEYS: the account. ARGV: scope, limit, remaining, milliseconds left and window (0: none) of each bucket.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local same = 2000
for i = 1, #ARGV, 5 do
    local remaining, ends = tonumber(ARGV[i + 2]), now + tonumber(ARGV[i + 3])
    local kept = redis.call('HGET', KEYS[1], ARGV[i])
    local stays = false
    if kept then
        local old_limit, old_remaining, old_ends = string.match(kept, '(%d+) (%d+) (%d+)')
        old_remaining, old_ends = tonumber(old_remaining), tonumber(old_ends)
        local comparable = old_ends > now and ends <= old_ends + same and old_limit == ARGV[i + 1]
        stays = comparable and (ends + same < old_ends or remaining > old_remaining)
    end
    if not stays then
        local text = string.format('%s %s %.0f %s', ARGV[i + 1], ARGV[i + 2], ends, ARGV[i + 4])
        redis.call('HSET', KEYS[1], ARGV[i], text)
    end
end
local last = now
for _, kept in ipairs(redis.call('HVALS', KEYS[1])) do
    last = math.max(last, tonumber((string.match(kept, '%d+ %d+ (%d+)'))))
end
redis.call('PEXPIRE', KEYS[1], last - now + 1000)
return 0
