#!lua flags=allow-oom
-- Adds the member '!' to the index, to record that the index has every existing stream. The score of '!' is negative, so that '!' is sorted
-- before all streams. The score also identifies this index: if a node reads a different score later, Redis has lost the index in between,
-- and a new one was completed. The score is random and not the time, because an index can be lost and completed again within a
-- millisecond, and a clock can go back.
-- KEYS 1 index
-- ARGV 1 a random number greater than 0
-- Returns 1.
redis.call('ZADD', KEYS[1], 'NX', -ARGV[1], '!')
return 1
