#!lua flags=allow-oom
-- Which version wrote the keys: begins with this one's where there is none.
-- KEYS 1 format   ARGV 1 format of this version
-- Returns the format that holds.
local format = redis.call('GET', KEYS[1])
if not format then
  format = ARGV[1]
  redis.call('SET', KEYS[1], format)
end
return format
