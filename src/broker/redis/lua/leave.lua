#!lua flags=allow-oom
-- Removes a node from the registry, with all ids under which it may be registered.
-- KEYS 1 registry   ARGV ids
redis.call('HDEL', KEYS[1], unpack(ARGV))
return 1
