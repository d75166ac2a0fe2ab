#!lua flags=allow-oom
-- Creates the stream if it does not exist. It gets an epoch at once, because even the position before its first event needs an epoch. Keys
-- that an earlier epoch left are deleted, because the new epoch assigns the same sequenceIds again. A client can create streams just by
-- naming them. Therefore a stream without events has a TTL, which each call of this script renews. At the first event or source loss, the
-- stream gets the TTL of a stream with events, or no TTL if streams with events do not expire.
-- KEYS 1 meta, 2 log, 3 latest, 4 order, 5 losses, 6 witnesses
-- ARGV 1 incarnation, 2 epoch to begin, 3 TTL of a stream without events in ms,
--      4 'create', or 'find' if a missing stream must not be created
-- Returns the state ('' for a missing stream), and 1 if it was created.
local state = redis.call('GET', KEYS[1])
if state then
  if string.find(state, '^f2 0 .* 0 0$') and redis.call('PTTL', KEYS[1]) > 0 then redis.call('PEXPIRE', KEYS[1], ARGV[3]) end
  return {state, 0}
end
if ARGV[4] == 'find' then return {'', 0} end
redis.call('DEL', KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6])
state = 'f2 0 0 - ' .. ARGV[2] .. ' ' .. ARGV[1] .. ' 0 0'
redis.call('SET', KEYS[1], state)
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return {state, 1}
