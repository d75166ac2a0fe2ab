#!lua flags=allow-oom
-- Adds the member '!' to the index, which records that the index has every existing stream. Its score is the current time as a negative
-- number, so that it is sorted before all streams. The score identifies this index: from another score, a node learns that Redis has lost
-- the index and that a node has completed a new one. KEYS 1 index
local time = redis.call('TIME')
redis.call('ZADD', KEYS[1], 'NX', -(time[1] * 1000 + math.floor(time[2] / 1000)), '!')
return 1
