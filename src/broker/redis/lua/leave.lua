#!lua flags=allow-oom
-- Removes a node from the registry.
-- KEYS 1 registry   ARGV 1 node
redis.call('HDEL', KEYS[1], ARGV[1])
return 1
