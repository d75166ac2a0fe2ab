/**
 * Finds the subscriptions that an event is for, without looking at those that it is not for. Subscriptions with the same events and
 * filter form one group, which is evaluated once. Groups hang below the names of events they follow.
 */
import { compileFilter } from './filter.ts';
import type { FilterSpec, Matchable } from './filter.ts';

interface Group<Member> {
  readonly key: string;
  readonly members: Set<Member>;
  readonly matches: (event: Matchable) => boolean;
}

export class SubscriptionIndex<Member> {
  readonly #groups = new Map<string, Group<Member>>();
  readonly #groupOf = new Map<Member, Group<Member>>();

  add(spec: FilterSpec, member: Member): void {
    const key = JSON.stringify([spec.events, spec.filter]);
    let group = this.#groups.get(key);
    if (group === undefined) {
      group = { key, members: new Set(), matches: compileFilter(spec) };
      this.#groups.set(key, group);
    }
    group.members.add(member);
    this.#groupOf.set(member, group);
  }

  remove(member: Member): void {
    const group = this.#groupOf.get(member);
    if (group === undefined) return;
    this.#groupOf.delete(member);
    group.members.delete(member);
    if (group.members.size === 0) this.#groups.delete(group.key);
  }

  match(event: Matchable): readonly Member[] {
    const members: Member[] = [];
    for (const group of this.#groups.values()) if (group.matches(event)) members.push(...group.members);
    return members;
  }
}
