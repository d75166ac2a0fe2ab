#!lua flags=no-writes,allow-oom
-- Reads the place of a stream in the index.
-- KEYS 1 index   ARGV 1 stream
-- Returns the place, or '0' if the stream is not in the index.
return redis.call('ZSCORE', KEYS[1], ARGV[1]) or '0'
