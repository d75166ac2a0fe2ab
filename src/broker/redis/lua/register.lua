#!lua flags=allow-oom
-- Enters a stream into the index of streams, and announces it to the nodes. The score of a stream is its place in the order of entries;
-- the member '#' has the newest place.
-- KEYS 1 index   ARGV 1 stream, 2 'always', or 'if absent' to leave a stream that is already in the index, 3 channel of the nodes
-- Returns the newest place.
local newest = tonumber(redis.call('ZSCORE', KEYS[1], '#') or '0')
if ARGV[2] == 'if absent' and redis.call('ZSCORE', KEYS[1], ARGV[1]) then return newest end
redis.call('ZADD', KEYS[1], newest + 1, ARGV[1], newest + 1, '#')
redis.call('PUBLISH', ARGV[3], 'stream ' .. ARGV[1])
return newest + 1
