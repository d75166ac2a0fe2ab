/**
 * Finds the subscriptions that match an event, while visiting few others. Subscriptions with the same events and filter form one group,
 * which is checked once. A group is stored in one filter index for each of its event names and each of its prefixes of names, regardless of
 * how many declared events match a prefix.
 *
 *     event ──▶ filter indexes of its name and its prefixes ──▶ path, extension or value ──▶ candidate groups ──▶ other fields ──▶ members
 */
import { specOf, specsOf } from '../catalogue/catalogue.ts';
import type { Catalogue, EventSpec } from '../catalogue/catalogue.ts';
import { matchesName } from '../catalogue/event-pattern.ts';
import { conditionsOf, keyOf, SharedConditions } from './condition.ts';
import type { Condition } from './condition.ts';
import { EventFacts } from './event-facts.ts';
import type { Matchable } from './event-facts.ts';
import { FilterIndex, isPlain } from './filter-index.ts';
import type { Found } from './filter-index.ts';
import type { FilterSpec } from './filter.ts';

/** The subscriptions that have the same events and the same filter. */
export interface Members<Member> extends Iterable<Member> {
  readonly size: number;
  add(member: Member): void;
  delete(member: Member): void;
}

interface Group<Kept> {
  readonly key: string;
  readonly spec: FilterSpec;
  readonly members: Kept;
  readonly conditions: readonly Condition[];
  /** Whether the group is in a filter index for each of its names. If so, the name of an event need not be compared again. */
  readonly named: boolean;
  /** Whether the filter is plain; see {@link isPlain}. */
  readonly plain: boolean;
  /** Number of the last search that visited this group. It prevents a second visit, because a group may be in several places. */
  seenBy: number;
}

type FilterIndexes<Kept> = Map<string, FilterIndex<Group<Kept>>>;

/** A group with more names and prefixes than this is stored in the filter index of all events, because each filter index costs memory. */
const MAX_FILTER_INDEXES = 4;
/** The names for which a group is in a filter index: whole names, and prefixes of names. */
function namesAndPrefixesOf(patterns: readonly string[]): {
  readonly names: readonly string[];
  readonly beginnings: readonly string[];
} {
  if (patterns.length > MAX_FILTER_INDEXES) return { names: [], beginnings: [''] };
  return {
    names: patterns.filter((each) => !each.endsWith('*')),
    beginnings: patterns.filter((each) => each.endsWith('*')).map((each) => each.slice(0, -1)),
  };
}

/** Whether an event meets those conditions of a group that the search has not already checked. */
function meets<Kept>({ spec, conditions, named, plain }: Group<Kept>, facts: EventFacts, found: Found): boolean {
  if (!named && !spec.events.some((each) => matchesName(each, facts.event))) return false;
  if (plain && found.complete) return true;
  for (const condition of conditions) {
    if (plain && (condition.field === found.field || condition.field === found.partner)) continue;
    if (!condition.isMet(facts)) return false;
  }
  return true;
}

/** @typeParam Kept collection of the members of a group */
export class SubscriptionIndex<Member, Kept extends Members<Member>> {
  readonly #catalogue: Catalogue;
  readonly #newMembers: () => Kept;
  readonly #groups = new Map<string, Group<Kept>>();
  readonly #groupOf = new Map<Member, Group<Kept>>();
  readonly #byName: FilterIndexes<Kept> = new Map();
  readonly #byBeginning: FilterIndexes<Kept> = new Map();
  /** For each length of a prefix, the number of filter indexes. */
  readonly #lengths = new Map<number, number>();
  readonly #shared = new SharedConditions();
  #searches = 0;
  /** Number of groups that all searches have visited so far. Tests use it to check that few groups are visited. */
  checks = 0;

  constructor(catalogue: Catalogue, newMembers: () => Kept) {
    this.#catalogue = catalogue;
    this.#newMembers = newMembers;
  }

  /** Whether the index is empty. */
  get empty(): boolean {
    return [this.#groups, this.#groupOf, this.#byName, this.#byBeginning, this.#lengths, this.#shared].every(
      ({ size }) => size === 0,
    );
  }

  /** Adds a member. @returns the spec that all members with equal events and filter share */
  add(spec: FilterSpec, member: Member): FilterSpec {
    const key = keyOf([spec.events, spec.filter]);
    let group = this.#groups.get(key);
    if (group === undefined) {
      group = this.#newGroup(key, spec);
      this.#groups.set(key, group);
      this.#shelve(group);
    }
    group.members.add(member);
    this.#groupOf.set(member, group);
    return group.spec;
  }

  remove(member: Member): void {
    const group = this.#groupOf.get(member);
    if (group === undefined) return;
    this.#groupOf.delete(member);
    group.members.delete(member);
    if (group.members.size > 0) return;
    this.#groups.delete(group.key);
    this.#shared.release(group.spec.filter, this.#catalogue);
    this.#unshelve(group);
  }

  #newGroup(key: string, spec: FilterSpec): Group<Kept> {
    return {
      key,
      spec,
      members: this.#newMembers(),
      conditions: conditionsOf(spec.filter, this.#catalogue, this.#shared),
      named: spec.events.length <= MAX_FILTER_INDEXES,
      plain: isPlain(spec.filter, this.#catalogue),
      seenBy: 0,
    };
  }

  /** The members that match the event, grouped by their events and filter. */
  match(event: Matchable): readonly Kept[] {
    const found: Kept[] = [];
    const facts = new EventFacts(event, this.#catalogue);
    this.#searches += 1;
    const check = (group: Group<Kept>, how: Found): void => {
      if (group.seenBy === this.#searches) return;
      group.seenBy = this.#searches;
      this.checks += 1;
      if (meets(group, facts, how)) found.push(group.members);
    };
    this.#byName.get(event.event)?.visit(facts, check);
    for (const length of this.#lengths.keys())
      if (length <= event.event.length) this.#byBeginning.get(event.event.slice(0, length))?.visit(facts, check);
    return found;
  }

  #shelve(group: Group<Kept>): void {
    const { names, beginnings } = namesAndPrefixesOf(group.spec.events);
    for (const name of names) {
      const filterIndex = this.#byName.get(name) ?? this.#newFilterIndex([specOf(this.#catalogue, name)]);
      this.#byName.set(name, filterIndex);
      filterIndex.add(group.spec.filter, group);
    }
    for (const beginning of beginnings) {
      let filterIndex = this.#byBeginning.get(beginning);
      if (filterIndex === undefined) {
        filterIndex = this.#newFilterIndex(specsOf(this.#catalogue, [`${beginning}*`]));
        this.#byBeginning.set(beginning, filterIndex);
        this.#lengths.set(beginning.length, (this.#lengths.get(beginning.length) ?? 0) + 1);
      }
      filterIndex.add(group.spec.filter, group);
    }
  }

  #newFilterIndex(specs: readonly EventSpec[]): FilterIndex<Group<Kept>> {
    return new FilterIndex({ specs, catalogue: this.#catalogue });
  }

  #unshelve(group: Group<Kept>): void {
    const { names, beginnings } = namesAndPrefixesOf(group.spec.events);
    for (const name of names) takeFrom(this.#byName, name, group);
    for (const beginning of beginnings) {
      if (!takeFrom(this.#byBeginning, beginning, group)) continue;
      const left = (this.#lengths.get(beginning.length) ?? 1) - 1;
      if (left > 0) this.#lengths.set(beginning.length, left);
      else this.#lengths.delete(beginning.length);
    }
  }
}

/** Removes the group from a filter index. If the index is then empty, it is removed as well. @returns whether the index was removed */
function takeFrom<Kept>(filterIndexes: FilterIndexes<Kept>, name: string, group: Group<Kept>): boolean {
  const filterIndex = filterIndexes.get(name);
  filterIndex?.remove(group.spec.filter, group);
  return filterIndex?.empty === true && filterIndexes.delete(name);
}
