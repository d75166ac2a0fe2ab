import { eventTable } from '../catalogue/event-table.ts';
import { brokerSuite } from './broker-suite.ts';
import { MemoryBroker } from './memory.ts';

const events = eventTable();

brokerSuite({ name: 'memory', create: (limits) => Promise.resolve(new MemoryBroker({ limits, events })) });
