#!lua
-- Changes API keys: either all of them or none. They are changed only if no other client has changed one of them since they were read.
-- KEYS 1 the hash of API keys
-- ARGV for each API key: its id, the text that was read ('' if there was none), and the new text ('' to remove the key)
-- Returns 1, or 0 if another client has changed one of them.
for at = 1, #ARGV, 3 do
  if (redis.call('HGET', KEYS[1], ARGV[at]) or '') ~= ARGV[at + 1] then return 0 end
end
for at = 1, #ARGV, 3 do
  if ARGV[at + 2] == '' then
    redis.call('HDEL', KEYS[1], ARGV[at])
  else
    redis.call('HSET', KEYS[1], ARGV[at], ARGV[at + 2])
  end
end
return 1
