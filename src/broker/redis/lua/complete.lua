#!lua flags=allow-oom
-- Notes that the index has every stream that exists. '!' has a place before all streams.
-- KEYS 1 index
redis.call('ZADD', KEYS[1], -1, '!')
return 1
