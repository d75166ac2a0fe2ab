/**
 * Finds the subscriptions that an event is for, without looking at those that it is not for. Subscriptions with the same events and
 * filter form one group, which is checked once; a group stands on the shelf of every declared event that it follows, and, for
 * custom events, under the names and the beginnings of names that it gives.
 *
 *     event ──▶ shelf of its name ──▶ path, extension or value ──▶ candidate groups ──▶ full check ──▶ members
 */
import { specOf } from '../catalogue/catalogue.ts';
import type { Catalogue } from '../catalogue/catalogue.ts';
import { matchesName } from '../catalogue/event-pattern.ts';
import { EventShelf } from './event-shelf.ts';
import { compileFilter } from './filter.ts';
import type { FilterSpec, Matchable } from './filter.ts';

interface Group<Member> {
  readonly key: string;
  readonly spec: FilterSpec;
  readonly members: Set<Member>;
  readonly matches: (event: Matchable) => boolean;
  /** The search that has seen this group last: it may stand in several places. */
  seenBy: number;
}

type Shelves<Member> = Map<string, EventShelf<Group<Member>>>;

/** The shelves of a group: events by their names, and beginnings of names that only custom events are looked up by. */
function shelvesOf(
  patterns: readonly string[],
  { events }: Catalogue,
): { readonly names: readonly string[]; readonly beginnings: readonly string[] } {
  const declared = [...events.keys()].filter((name) => patterns.some((each) => matchesName(each, name)));
  const exact = patterns.filter((each) => !each.endsWith('*'));
  return {
    names: [...new Set([...declared, ...exact])],
    beginnings: patterns.filter((each) => each.endsWith('*')).map((each) => each.slice(0, -1)),
  };
}

export class SubscriptionIndex<Member> {
  readonly #catalogue: Catalogue;
  readonly #groups = new Map<string, Group<Member>>();
  readonly #groupOf = new Map<Member, Group<Member>>();
  readonly #byName: Shelves<Member> = new Map();
  readonly #byBeginning: Shelves<Member> = new Map();
  /** How many shelves there are for beginnings of each length. */
  readonly #lengths = new Map<number, number>();
  #searches = 0;
  /** Groups checked against an event so far: it grows with what may match, not with what there is. */
  checks = 0;

  constructor(catalogue: Catalogue) {
    this.#catalogue = catalogue;
  }

  /** Whether nothing is left of what was added. */
  get empty(): boolean {
    return [this.#groups, this.#groupOf, this.#byName, this.#byBeginning, this.#lengths].every(
      ({ size }) => size === 0,
    );
  }

  add(spec: FilterSpec, member: Member): void {
    const key = JSON.stringify([spec.events, spec.filter]);
    let group = this.#groups.get(key);
    if (group === undefined) {
      group = { key, spec, members: new Set(), matches: compileFilter(spec, this.#catalogue), seenBy: 0 };
      this.#groups.set(key, group);
      this.#shelve(group);
    }
    group.members.add(member);
    this.#groupOf.set(member, group);
  }

  remove(member: Member): void {
    const group = this.#groupOf.get(member);
    if (group === undefined) return;
    this.#groupOf.delete(member);
    group.members.delete(member);
    if (group.members.size > 0) return;
    this.#groups.delete(group.key);
    this.#unshelve(group);
  }

  /** The members that the event is for, each once. */
  match(event: Matchable): readonly Member[] {
    const members: Member[] = [];
    this.#searches += 1;
    const check = (group: Group<Member>): void => {
      if (group.seenBy === this.#searches) return;
      group.seenBy = this.#searches;
      this.checks += 1;
      if (group.matches(event)) for (const member of group.members) members.push(member);
    };
    this.#byName.get(event.event)?.visit(event, check);
    if (this.#catalogue.events.has(event.event)) return members;
    for (const length of this.#lengths.keys()) this.#byBeginning.get(event.event.slice(0, length))?.visit(event, check);
    return members;
  }

  #shelve(group: Group<Member>): void {
    const { names, beginnings } = shelvesOf(group.spec.events, this.#catalogue);
    for (const name of names) {
      const shelf = this.#byName.get(name) ?? new EventShelf(specOf(this.#catalogue, name), this.#catalogue);
      this.#byName.set(name, shelf);
      shelf.add(group.spec.filter, group);
    }
    for (const beginning of beginnings) {
      let shelf = this.#byBeginning.get(beginning);
      if (shelf === undefined) {
        shelf = new EventShelf(this.#catalogue.custom, this.#catalogue);
        this.#byBeginning.set(beginning, shelf);
        this.#lengths.set(beginning.length, (this.#lengths.get(beginning.length) ?? 0) + 1);
      }
      shelf.add(group.spec.filter, group);
    }
  }

  #unshelve(group: Group<Member>): void {
    const { names, beginnings } = shelvesOf(group.spec.events, this.#catalogue);
    for (const name of names) takeFrom(this.#byName, name, group);
    for (const beginning of beginnings) {
      if (!takeFrom(this.#byBeginning, beginning, group)) continue;
      const left = (this.#lengths.get(beginning.length) ?? 1) - 1;
      if (left > 0) this.#lengths.set(beginning.length, left);
      else this.#lengths.delete(beginning.length);
    }
  }
}

/** Takes the group from a shelf, and away the shelf when it is empty: then true. */
function takeFrom<Member>(shelves: Shelves<Member>, name: string, group: Group<Member>): boolean {
  const shelf = shelves.get(name);
  shelf?.remove(group.spec.filter, group);
  return shelf?.empty === true && shelves.delete(name);
}
