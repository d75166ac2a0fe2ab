#!lua flags=allow-oom
-- Adds the member '!' to the index, which records that the index has every existing stream. Its score is negative, so that it is sorted
-- before all streams, and it identifies this index: from another score, a node learns that Redis has lost the index and that a node has
-- completed a new one. The score is random and not the time, because an index can be lost and completed again within a millisecond, and a
-- clock can go back.
-- KEYS 1 index
-- ARGV 1 a random number greater than 0
-- Returns 1.
redis.call('ZADD', KEYS[1], 'NX', -ARGV[1], '!')
return 1
