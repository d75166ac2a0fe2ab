#!lua flags=no-writes,allow-oom
-- One page of the streams that were entered into the index after a place.
-- KEYS 1 index   ARGV 1 place, 2 most streams
-- Returns {newest place, place to go on from or '', stream…}.
local newest = redis.call('ZSCORE', KEYS[1], '#') or '0'
local found = redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. ARGV[1], '+inf', 'WITHSCORES', 'LIMIT', 0, ARGV[2])
local reply = {newest, ''}
if #found == ARGV[2] * 2 then reply[2] = found[#found] end
for i = 1, #found, 2 do
  if found[i] ~= '#' then reply[#reply + 1] = found[i] end
end
return reply
