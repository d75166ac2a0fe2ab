#!lua flags=allow-oom
-- Records, with the member '!', that the index has every stream that exists. '!' is sorted before all streams: its score is the negative
-- time of this record. The score identifies this index, so that a node notices if Redis has lost the index and another node has completed
-- the next one.
-- KEYS 1 index
local time = redis.call('TIME')
redis.call('ZADD', KEYS[1], 'NX', -(time[1] * 1000 + math.floor(time[2] / 1000)), '!')
return 1
