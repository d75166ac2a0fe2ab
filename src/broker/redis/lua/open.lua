#!lua flags=allow-oom
-- Begins the stream's life if it has none: every position needs an epoch, the first one too. What an earlier life left
-- behind goes, or its events would stand under numbers that are given out again.
-- KEYS 1 meta, 2 log, 3 latest, 4 order, 5 losses   ARGV 1 incarnation, 2 epoch to begin, 3 ttl ms (0: none)
-- Returns the state.
local state = redis.call('GET', KEYS[1])
if state then return state end
redis.call('DEL', KEYS[2], KEYS[3], KEYS[4], KEYS[5])
state = '0 0 - ' .. ARGV[2] .. ' ' .. ARGV[1] .. ' 0 0'
redis.call('SET', KEYS[1], state)
if ARGV[3] ~= '0' then redis.call('PEXPIRE', KEYS[1], ARGV[3]) end
return state
