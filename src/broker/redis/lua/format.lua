#!lua flags=allow-oom
-- The format of the keys; sets it to this version's if there is none.
-- KEYS 1 format   ARGV 1 format of this version
-- Returns the format in force.
local format = redis.call('GET', KEYS[1])
if not format then
  format = ARGV[1]
  redis.call('SET', KEYS[1], format)
end
return format
