/**
 * A multimap. A key with only one item, which is the usual case, stores the item directly: a set with one item would take ten times the
 * memory.
 */
export type Multimap<Key, Item extends object> = Map<Key, Item | Set<Item>>;

export function addTo<Key, Item extends object>(map: Multimap<Key, Item>, key: Key, item: Item): void {
  const stored = map.get(key);
  if (stored === undefined) map.set(key, item);
  else if (stored instanceof Set) stored.add(item);
  else if (stored !== item) map.set(key, new Set([stored, item]));
}

export function takeFrom<Key, Item extends object>(map: Multimap<Key, Item>, key: Key, item: Item): void {
  const stored = map.get(key);
  if (stored instanceof Set) {
    stored.delete(item);
    if (stored.size === 0) map.delete(key);
  } else if (stored === item) {
    map.delete(key);
  }
}

export function visitAt<Key, Item extends object>(
  map: Multimap<Key, Item>,
  key: Key,
  visit: (item: Item) => void,
): void {
  const stored = map.get(key);
  if (stored === undefined) return;
  if (stored instanceof Set) for (const item of stored) visit(item);
  else visit(stored);
}
