#!lua flags=allow-oom
-- Records, with the member '!', that the index has every stream that exists. '!' is sorted before all streams.
-- KEYS 1 index
redis.call('ZADD', KEYS[1], -1, '!')
return 1
