#!lua flags=no-writes,allow-oom
-- Finds the commands that the user of this connection is not allowed to run.
-- KEYS 1 a key with the prefix
-- ARGV 1 a channel with the prefix, then the commands; in these, 'K' stands for the key and 'C' for the channel
-- Returns the names of the commands that are denied.
local denied = {}
for i = 2, #ARGV do
  local words = {}
  for word in string.gmatch(ARGV[i], '%S+') do
    words[#words + 1] = word == 'K' and KEYS[1] or word == 'C' and ARGV[1] or word
  end
  local known, allowed = pcall(redis.acl_check_cmd, unpack(words))
  if not known or not allowed then denied[#denied + 1] = string.match(ARGV[i], '^(%u+ ?%u*) [KC]') or words[1] end
end
return denied
