#!lua flags=allow-oom
-- Enters a stream into the index of streams, and announces the stream to the nodes (keys.ts).
-- KEYS 1 index   ARGV 1 stream, 2 'created', or 'found' to change nothing if the stream is already in the index, 3 channel of the nodes,
--      4 the newest position '<epoch> <sequence>' of a found stream with events, else ''
-- Returns 1, or 0 if nothing was changed.
if ARGV[2] == 'found' and redis.call('ZSCORE', KEYS[1], ARGV[1]) then return 0 end
local newest = tonumber(redis.call('ZSCORE', KEYS[1], '#') or '0') + 1
local place, text = newest, 'stream ' .. ARGV[1]
if ARGV[4] ~= '' then place, text = newest - 0.5, 'found ' .. ARGV[4] .. ' ' .. ARGV[1] end
redis.call('ZADD', KEYS[1], place, ARGV[1], newest, '#')
redis.call('PUBLISH', ARGV[3], text)
return 1
