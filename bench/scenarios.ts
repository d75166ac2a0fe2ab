/** The scenarios of `npm run bench`. */
import type { Load } from './load/client.ts';

export type Figure = 'cpuUs' | 'p50Ms' | 'p99Ms';

export interface Scenario {
  readonly name: string;
  readonly what: string;
  readonly load: Load;
  /** The figures of a run that are compared. */
  readonly figures: readonly Figure[];
  /** Names of the servers that run the scenario; by default all. */
  readonly servers?: readonly string[];
}

/** Number of events of history in the scenario `replay`. */
export const REPLAYED = 10_000;

/** @param scale how many events are published, as a fraction of those of a full run */
export function scenariosOf(scale: number): readonly Scenario[] {
  const events = (count: number): number => Math.max(16, Math.ceil((count * scale) / 16) * 16);
  return [
    {
      name: 'single-1000',
      what: 'one event at a time to 1,000 connections',
      load: { mode: 'flight', connections: 1000, events: events(320) },
      figures: ['cpuUs'],
    },
    {
      name: 'single-100',
      what: 'one event at a time to 100 connections',
      load: { mode: 'flight', connections: 100, events: events(3200) },
      figures: ['cpuUs'],
    },
    {
      name: 'burst-8',
      what: 'bursts of 8 events to 1,000 connections',
      load: { mode: 'flight', connections: 1000, events: events(1600), window: 8, burst: 8 },
      figures: ['cpuUs'],
    },
    {
      name: 'flight-16',
      what: '16 events in flight to 1,000 connections',
      load: { mode: 'flight', connections: 1000, events: events(1600), window: 16 },
      figures: ['cpuUs'],
    },
    {
      name: 'rate-20',
      what: '20 events per second to 1,000 connections',
      load: { mode: 'rate', connections: 1000, events: events(100), rate: 20 },
      figures: ['cpuUs', 'p50Ms', 'p99Ms'],
    },
    {
      name: 'rate-1000',
      what: '1,000 events per second to 100 connections',
      load: { mode: 'rate', connections: 100, events: events(3000), rate: 1000 },
      figures: ['cpuUs', 'p50Ms', 'p99Ms'],
    },
    {
      name: 'replay',
      what: `${REPLAYED.toLocaleString('en')} events of history to one connection after the other`,
      load: { mode: 'replay', connections: 300, events: REPLAYED },
      figures: ['cpuUs'],
      servers: ['frames', 'gateway', 'other'],
    },
  ];
}
