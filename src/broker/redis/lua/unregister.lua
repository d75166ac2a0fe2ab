#!lua flags=allow-oom
-- Removes expired streams from the index. A stream that was created again has another place, and is not removed.
-- KEYS 1 index   ARGV for each stream: its name, its place when it was found expired
-- Returns the number of removed streams.
local removed = 0
for i = 1, #ARGV, 2 do
  local place = redis.call('ZSCORE', KEYS[1], ARGV[i])
  if place and tonumber(place) == tonumber(ARGV[i + 1]) then removed = removed + redis.call('ZREM', KEYS[1], ARGV[i]) end
end
return removed
