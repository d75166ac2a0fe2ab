#!lua flags=allow-oom
-- Takes a node out of the registry.
-- KEYS 1 registry   ARGV 1 node
redis.call('HDEL', KEYS[1], ARGV[1])
return 1
