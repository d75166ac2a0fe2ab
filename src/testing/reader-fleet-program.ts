/** The program of a process with many readers; reader-fleet.ts starts it. The parent process controls it over the IPC channel. */
import type { FleetAnswer, FleetOrder } from './reader-fleet.ts';
import { Reader } from './reader.ts';
import { SdkReader } from './sdk-reader.ts';

/** Number of concurrent handshakes. */
const CONCURRENT = 50;

const fleet: (Reader | SdkReader)[] = [];

async function connectAll(url: string, readers: readonly (Reader | SdkReader)[]): Promise<void> {
  const waiting = [...readers];
  const work = async (): Promise<void> => {
    for (let reader = waiting.shift(); reader !== undefined; reader = waiting.shift()) await reader.connect(url);
  };
  await Promise.all(Array.from({ length: CONCURRENT }, work));
}

function chosen(readers: readonly number[]): readonly Reader[] {
  return readers.flatMap((each) => {
    const reader = fleet[each];
    return reader instanceof Reader ? [reader] : [];
  });
}

async function obey(order: FleetOrder): Promise<Omit<FleetAnswer, 'serial'>> {
  if (order.kind === 'report') return { reports: fleet.map((each) => each.report) };
  if (order.kind === 'open') {
    fleet.push(...order.readers.map((each) => (each.kind === 'raw' ? new Reader(each) : new SdkReader(each))));
    await connectAll(order.url, fleet);
    return {};
  }
  if (order.kind === 'connect') await connectAll(order.url, chosen(order.readers));
  for (const reader of chosen(order.readers)) {
    if (order.kind === 'stopReading') reader.stopReading();
    if (order.kind === 'readOn') reader.readOn();
  }
  return {};
}

process.on('message', (message: FleetOrder & { readonly serial: number }) => {
  void obey(message)
    .catch((error: unknown) => ({ error: String(error) }))
    .then((answer) => process.send?.({ serial: message.serial, ...answer }));
});
process.on('disconnect', () => process.exit(0));
