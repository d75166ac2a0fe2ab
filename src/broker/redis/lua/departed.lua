#!lua flags=no-writes,allow-oom
-- Reads one page of the departed streams, which have left the index. Their places were after a first place, up to a last place.
-- KEYS 1 departed streams   ARGV 1 place, 2 last place, 3 maximum number of entries
-- Returns {place after which the next page begins ('' after the last page), then for each stream: its name, its place}. The name '#'
-- stands for all streams that were dropped from this list; its place is the newest of their places.
local found = redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. ARGV[1], ARGV[2], 'WITHSCORES', 'LIMIT', 0, ARGV[3])
local reply = {#found == ARGV[3] * 2 and found[#found] or ''}
for i = 1, #found, 2 do
  reply[#reply + 1] = string.match(found[i], '^%S+ (.*)$') or found[i]
  reply[#reply + 1] = found[i + 1]
end
return reply
