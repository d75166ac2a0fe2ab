/**
 * A multimap. A key with only one item, which is the usual case, stores the item directly: a set with one item would take ten times the
 * memory.
 */
export type Multimap<Key, Item extends object> = Map<Key, Item | Set<Item>>;

export function addTo<Key, Item extends object>(bags: Multimap<Key, Item>, key: Key, item: Item): void {
  const bag = bags.get(key);
  if (bag === undefined) bags.set(key, item);
  else if (bag instanceof Set) bag.add(item);
  else if (bag !== item) bags.set(key, new Set([bag, item]));
}

export function takeFrom<Key, Item extends object>(bags: Multimap<Key, Item>, key: Key, item: Item): void {
  const bag = bags.get(key);
  if (bag instanceof Set) {
    bag.delete(item);
    if (bag.size === 0) bags.delete(key);
  } else if (bag === item) {
    bags.delete(key);
  }
}

export function visitAt<Key, Item extends object>(
  bags: Multimap<Key, Item>,
  key: Key,
  visit: (item: Item) => void,
): void {
  const bag = bags.get(key);
  if (bag === undefined) return;
  if (bag instanceof Set) for (const item of bag) visit(item);
  else visit(bag);
}
