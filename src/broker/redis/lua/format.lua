#!lua flags=allow-oom
-- Reads the format of the keys. If none is stored, stores the format of this version.
-- KEYS 1 format   ARGV 1 format of this version
-- Returns the format that is now stored.
local format = redis.call('GET', KEYS[1])
if not format then
  format = ARGV[1]
  redis.call('SET', KEYS[1], format)
end
return format
