#!lua flags=allow-oom
-- Removes an expired stream from the index.
-- KEYS 1 index   ARGV 1 stream
redis.call('ZREM', KEYS[1], ARGV[1])
return 1
